import { ShapeError, WebgraftError } from "../../base/errors.ts";
import { namesOf } from "../../base/names.ts";
import { withHead } from "../backbones/backbone.ts";
import {
  type BackboneLike,
  backboneNames,
  createBackbone,
  defaultResnet,
  defaultVgg,
} from "../backbones/backbones.ts";
import type { Model, ModelOptions } from "../model.ts";
import { features } from "./features.ts";
import { fusion } from "./fusion.ts";
import { convnet, interleaved } from "./interleaved.ts";
import { type NetworkOptions, network } from "./network.ts";
import { sequential } from "./sequential.ts";

/** What an app needs to offer a topology by name. */
export interface TopologyEntry {
  create(options: ModelOptions): Model;
  /** Whether a published network is part of it, which the option `backbone` chooses. */
  readonly backbone: boolean;
  /** Whether it ends in wide dense layers, which want a lower learning rate. */
  readonly wideHead?: boolean;
}

const registry = {
  sequential: { create: sequential, backbone: true },
  interleaved: { create: interleaved, backbone: false },
  fusion: { create: fusion, backbone: true },
  features: { create: features, backbone: true },
  convnet: { create: convnet, backbone: false },
  resnet: { create: (options) => baseline("resnet", options, defaultResnet), backbone: true },
  vgg: { create: (options) => baseline("vgg", options, defaultVgg), backbone: true, wideHead: true },
} as const satisfies Record<string, TopologyEntry>;

export type TopologyName = keyof typeof registry;

/** Every topology by name, for apps that choose at run time; others import the one they want. */
export const topologies: Readonly<Record<TopologyName, TopologyEntry>> = registry;

/** A backbone of this family with its own head; the option `backbone` or else the image size selects it. */
function baseline(
  family: "resnet" | "vgg",
  options: ModelOptions & { readonly backbone?: BackboneLike },
  otherwise: (inputShape: Model["inputShape"]) => BackboneLike,
): Model {
  const backbone = createBackbone(options.backbone ?? otherwise(options.inputShape ?? [224, 224, 3]));
  if (backbone.family === family) return withHead(backbone, options);
  throw new ShapeError(family, `the backbone must be a ${family}`, backbone.name);
}

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
