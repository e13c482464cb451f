import { ShapeError, WebgraftError } from "../../base/errors.ts";
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

type Create = (options: ModelOptions) => Model;

/** Every topology by name, for those who choose at run time; others import the one they want. */
const TOPOLOGIES: Readonly<Record<string, Create>> = {
  sequential,
  interleaved,
  fusion,
  features,
  convnet,
  resnet: (options) => baseline("resnet", options, defaultResnet),
  vgg: (options) => baseline("vgg", options, defaultVgg),
};

/** A backbone of a family, by the option `backbone` or the size of the images, with its own head. */
function baseline(
  family: "resnet" | "vgg",
  options: ModelOptions & { readonly backbone?: BackboneLike },
  otherwise: (inputShape: Model["inputShape"]) => BackboneLike,
): Model {
  const backbone = createBackbone(options.backbone ?? otherwise(options.inputShape ?? [224, 224, 3]));
  if (backbone.family === family) return withHead(backbone, options);
  throw new ShapeError(family, "the backbone is of another family", backbone.name);
}

export const topologyNames = (): readonly string[] => Object.keys(TOPOLOGIES);

/**
 * Makes the topology of this name, or the backbone of this name with its own head (`resnet50`); options beyond
 * the common ones go to it. Throws WebgraftError for an unknown name and ShapeError where the options do not fit.
 */
export function createModel(
  name: string,
  options: ModelOptions & Readonly<Record<string, unknown>> = {},
): Model {
  // No topology of its own, but whatever its layers say.
  if (name === "network") return network(options as unknown as NetworkOptions);
  if (Object.hasOwn(TOPOLOGIES, name)) return TOPOLOGIES[name]!(options);
  const backbone = backboneNames().find((known) => known === name);
  if (backbone) return withHead(createBackbone({ ...options, name: backbone }), options);
  throw new WebgraftError(
    `model: no topology has this name — ${name}; known: ${topologyNames().join(", ")}, and the backbones ` +
      backboneNames().join(", "),
  );
}
