import { WebgraftError } from "../../base/errors.ts";
import type { Model } from "../model.ts";
import type { Backbone } from "./backbone.ts";
import { type MobilenetVariant, mobilenetV2Backbone, mobilenetV3SmallBackbone } from "./mobilenet.ts";
import {
  type ResnetDDepth,
  type ResnetDepth,
  type ResnetVariant,
  type ResnextKind,
  resnetBackbone,
  resnetDBackbone,
  resnetDDepths,
  resnetDepths,
  resnextBackbone,
  resnextKinds,
} from "./resnet.ts";
import { type SqueezenetVariant, squeezenetBackbone } from "./squeezenet.ts";
import { type VggDepth, type VggVariant, vggBackbone, vggDepths } from "./vgg.ts";

/** A backbone that `createBackbone` knows, such as `resnet50`. */
export type BackboneName =
  | `resnet${ResnetDepth}`
  | `resnet${ResnetDDepth}d`
  | `resnext${ResnextKind}`
  | `vgg${VggDepth}`
  | `vgg${VggDepth}_bn`
  | "mobilenet_v2"
  | "mobilenet_v3_small"
  | "squeezenet1_1";

/** A backbone's name, or a variant of it. */
export type BackboneLike = BackboneName | (BackboneVariant & { readonly name: BackboneName });

/** Options of any backbone. */
export interface BackboneVariant
  extends ResnetVariant,
    Omit<VggVariant, "batchNorm">,
    MobilenetVariant,
    SqueezenetVariant {}

type Create = (variant: BackboneVariant) => Backbone;

const BACKBONES: ReadonlyMap<string, Create> = new Map<string, Create>([
  ...resnetDepths.map((depth): [string, Create] => [
    `resnet${depth}`,
    (variant) => resnetBackbone(depth, variant),
  ]),
  ...resnetDDepths.map((depth): [string, Create] => [
    `resnet${depth}d`,
    (variant) => resnetDBackbone(depth, variant),
  ]),
  ...resnextKinds.map((kind): [string, Create] => [
    `resnext${kind}`,
    (variant) => resnextBackbone(kind, variant),
  ]),
  ...vggDepths.flatMap((depth) =>
    [false, true].map((batchNorm): [string, Create] => [
      `vgg${depth}${batchNorm ? "_bn" : ""}`,
      (variant) => vggBackbone(depth, { ...variant, batchNorm }),
    ]),
  ),
  ["mobilenet_v2", mobilenetV2Backbone],
  ["mobilenet_v3_small", mobilenetV3SmallBackbone],
  ["squeezenet1_1", squeezenetBackbone],
]);

/** The names of all backbones, which are torchvision's, or timm's for ResNet-D. */
export const backboneNames = (): readonly BackboneName[] => [...BACKBONES.keys()] as BackboneName[];

/** Makes a backbone. Throws WebgraftError for an unknown name. */
export function createBackbone(backbone: BackboneLike): Backbone {
  const { name, ...variant } = typeof backbone === "string" ? { name: backbone } : backbone;
  const create = BACKBONES.get(name);
  if (!create) {
    throw new WebgraftError(`backbone: unknown name ${name} — take one of ${backboneNames().join(", ")}`);
  }
  return create(variant);
}

/** Images with a side below this are small. */
const SMALL = 64;

/** The default ResNet for images of this size. */
export const defaultResnet = ([height, width]: Model["inputShape"]): BackboneLike =>
  Math.min(height, width) < SMALL ? "resnet20" : "resnet50";

/**
 * The default VGG for images of this size. For small ones it has only as many stages as can halve them, a smaller
 * head, and batch norm, since learning from scratch is slow without it.
 */
export function defaultVgg([height, width]: Model["inputShape"]): BackboneLike {
  const least = Math.min(height, width);
  if (least >= SMALL) return "vgg16";
  return { name: "vgg11_bn", hidden: 512, stages: Math.max(1, Math.min(5, Math.floor(Math.log2(least)))) };
}
