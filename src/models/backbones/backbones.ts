import { WebgraftError } from "../../base/errors.ts";
import type { Model } from "../model.ts";
import type { Backbone } from "./backbone.ts";
import { type ResnetDepth, type ResnetVariant, resnetBackbone, resnetDepths } from "./resnet.ts";
import { type VggDepth, type VggVariant, vggBackbone, vggDepths } from "./vgg.ts";

/** A backbone that `createBackbone` knows, such as `resnet50`. */
export type BackboneName = `resnet${ResnetDepth}` | `vgg${VggDepth}` | `vgg${VggDepth}_bn`;

/** A backbone's name, or a variant of it. */
export type BackboneLike = BackboneName | (BackboneVariant & { readonly name: BackboneName });

/** Options of any backbone. */
export interface BackboneVariant extends ResnetVariant, Omit<VggVariant, "batchNorm"> {}

const BACKBONES: ReadonlyMap<string, (variant: BackboneVariant) => Backbone> = new Map([
  ...resnetDepths.map(
    (depth) => [`resnet${depth}`, (variant: BackboneVariant) => resnetBackbone(depth, variant)] as const,
  ),
  ...vggDepths.flatMap((depth) =>
    [false, true].map(
      (batchNorm) =>
        [
          `vgg${depth}${batchNorm ? "_bn" : ""}`,
          (variant: BackboneVariant) => vggBackbone(depth, { ...variant, batchNorm }),
        ] as const,
    ),
  ),
]);

/** The names of all backbones. */
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
