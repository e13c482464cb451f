import { ShapeError, WebgraftError } from "../../base/errors.ts";
import { namesOf } from "../../base/names.ts";
import { type Backbone, type BackboneFamily, withHead } from "../backbones/backbone.ts";
import {
  type BackboneLike,
  type BackboneName,
  backboneNames,
  createBackbone,
  defaultResnet,
  defaultVgg,
} from "../backbones/backbones.ts";
import type { Model, ModelOptions } from "../model.ts";
import { features } from "./features.ts";
import { fusion, isHalving } from "./fusion.ts";
import { convnet, interleaved } from "./interleaved.ts";
import { type NetworkOptions, network } from "./network.ts";
import { sequential } from "./sequential.ts";
import { stacked } from "./stacked.ts";

/** What an app needs to offer a topology by name. */
export interface TopologyEntry {
  /** The model. Throws ShapeError for options that do not fit. */
  create(options: ModelOptions): Model;
  /** The published network that is part of it, if there is one; the option `backbone` chooses it. */
  readonly backbone?: BackboneSlot;
  /** Whether it ends in wide dense layers, which want a lower learning rate. */
  readonly wideHead?: boolean;
}

/** What is known of a topology's backbone without building a model. */
export interface BackboneSlot {
  /** The default for images of this size. */
  standard(inputShape: Model["inputShape"]): BackboneLike;
  /** Whether this one can be part of the topology for images of this size, if the topology can be built for them. */
  fits(backbone: Backbone, inputShape: Model["inputShape"]): boolean;
}

/** Whether images are large enough for a backbone's stages. */
const isLarge = ({ minSize }: Backbone, [height, width]: Model["inputShape"], stage: number): boolean =>
  Math.min(height, width) >= minSize(stage);

/** A topology that is a backbone of this family with its own head. */
const baseline = (family: BackboneFamily, standard: BackboneSlot["standard"]) => ({
  create(options: ModelOptions & { readonly backbone?: BackboneLike }): Model {
    const backbone = createBackbone(options.backbone ?? standard(options.inputShape ?? [224, 224, 3]));
    if (backbone.family === family) return withHead(backbone, options);
    throw new ShapeError(family, `the backbone must be a ${family}`, backbone.name);
  },
  backbone: {
    standard,
    fits: (backbone: Backbone, shape: Model["inputShape"]) =>
      backbone.family === family && isLarge(backbone, shape, backbone.stages),
  },
});

const registry = {
  sequential: {
    create: sequential,
    backbone: { standard: defaultResnet, fits: ({ stemChannels }) => stemChannels !== undefined },
  },
  interleaved: { create: interleaved },
  fusion: {
    create: fusion,
    backbone: {
      standard: defaultResnet,
      fits: ({ family, stages, reduction }, [height, width]) =>
        isHalving(family) && height % reduction(stages) === 0 && width % reduction(stages) === 0,
    },
  },
  features: {
    create: features,
    backbone: { standard: defaultResnet, fits: (backbone, shape) => isLarge(backbone, shape, 3) },
  },
  stacked: { create: stacked },
  convnet: { create: convnet },
  resnet: baseline("resnet", defaultResnet),
  vgg: { ...baseline("vgg", defaultVgg), wideHead: true },
  mobilenet: baseline("mobilenet", () => "mobilenet_v2"),
  squeezenet: baseline("squeezenet", () => "squeezenet1_1"),
} as const satisfies Record<string, TopologyEntry>;

/** A topology that `createModel` knows. */
export type TopologyName = keyof typeof registry;

/** Every topology by name, for apps that choose at run time; others import the one they want. */
export const topologies: Readonly<Record<TopologyName, TopologyEntry>> = registry;

/**
 * The published networks that can be a topology's backbone for images of this size, its default first; none if it has no
 * backbone. Builds nothing.
 */
export function backbonesFor(
  topology: TopologyName,
  inputShape: Model["inputShape"],
): readonly BackboneName[] {
  const { backbone } = topologies[topology];
  if (!backbone) return [];
  const standard = backbone.standard(inputShape);
  const own = typeof standard === "string" ? standard : standard.name;
  const fits = (name: BackboneName): boolean => backbone.fits(createBackbone(name), inputShape);
  return [own, ...backboneNames().filter((name) => name !== own && fits(name))];
}

/** The names of all topologies. */
export const topologyNames = (): readonly TopologyName[] => namesOf(topologies);

/**
 * Makes a topology, or a backbone with its own head (`resnet50`), by name; it also gets the options beyond the common
 * ones. Throws WebgraftError for an unknown name, and ShapeError if the options do not fit.
 */
export function createModel(
  name: string,
  options: ModelOptions & Readonly<Record<string, unknown>> = {},
): Model {
  // Not a topology: its layers are given as data.
  if (name === "network") return network(options as unknown as NetworkOptions);
  if (Object.hasOwn(topologies, name)) return topologies[name as TopologyName].create(options);
  const backbone = backboneNames().find((known) => known === name);
  if (backbone) return withHead(createBackbone({ ...options, name: backbone }), options);
  throw new WebgraftError(
    `model: unknown name ${name} — take one of ${topologyNames().join(", ")}, or of the backbones ` +
      backboneNames().join(", "),
  );
}
