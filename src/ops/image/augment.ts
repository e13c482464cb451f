import { ShapeError } from "../../base/errors.ts";
import { list, object, optional } from "../../base/schema.ts";
import type { Op, TensorSpec } from "../../graph/op.ts";
import { NUMBER, OPTIONAL_NUMBER } from "../../graph/takes.ts";
import { describe, nhwc, storedLength, type Tensor } from "../../graph/tensor.ts";
import { fold, grid } from "../../kernel/grid.ts";
import { augment, augment_draw, mix_targets } from "../../kernel/shaders.gen.ts";

/** Random changes of images in training. What is not given changes nothing. */
export interface Augmentation {
  /** Pixels that the image is padded with on each side, black, before a crop of its own size. */
  readonly crop?: number;
  /** Probability of a mirror image, left to right. */
  readonly flip?: number;
  /** Colours times a factor in 1 ± this; 0…1. Nothing is clamped. */
  readonly brightness?: number;
  /** Distance from the image's mean grey times a factor in 1 ± this; 0…1. */
  readonly contrast?: number;
  /** Distance from each pixel's own grey, the mean of its channels, times a factor in 1 ± this; 0…1. */
  readonly saturation?: number;
  /** Probability that a rectangle of 2 to 33 % of the image becomes 0, the mean of normalised images. */
  readonly erase?: number;
  /**
   * Shares of two images and their labels from Beta(α, α), 0 < α ≤ 1: mixed pixel by pixel, or by pasting a
   * rectangle of one into the other. Where both are given, each image gets one of the two.
   */
  readonly mixup?: number;
  readonly cutmix?: number;
  /** By what the images were normalised, so that colours are known; default mean 0 and std 1. */
  readonly normalize?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

export interface AugmentAttrs extends Augmentation {
  /** Number of the layer: two layers with one number draw the same. */
  readonly layer: number;
  /** Classes of the labels, if there are labels. */
  readonly classes?: number;
}

const NUMBERS = /* @__PURE__ */ list(NUMBER);
const NORMALIZE = /* @__PURE__ */ optional(/* @__PURE__ */ object({ mean: NUMBERS, std: NUMBERS }));

type In = {
  /** (N, H, W, C), C ≤ 4. */
  x: Tensor;
  /** i32 (N); mixup and cutmix need them. */
  labels?: Tensor | undefined;
};

type Out = {
  /** Of x's shape. */
  y: Tensor;
  /** (N, classes): the share of each class in each image; with labels only. */
  targets?: Tensor;
};

/** f32 numbers of an `Augmentation` in shaders/lib/image/augmentation.wgsl. */
const DRAWN = 20;

const mixes = ({ mixup = 0, cutmix = 0 }: Augmentation): boolean => mixup > 0 || cutmix > 0;
const jitters = ({ brightness = 0, contrast = 0, saturation = 0 }: Augmentation): boolean =>
  brightness > 0 || contrast > 0 || saturation > 0;
const changes = (attrs: Augmentation): boolean => {
  const { crop = 0, flip = 0, erase = 0 } = attrs;
  return crop > 0 || flip > 0 || erase > 0 || jitters(attrs) || mixes(attrs);
};
const isView = (x: Tensor, attrs: Augmentation): boolean => !changes(attrs) || x.graph.mode === "eval";

/**
 * Random crop, flip, colours and erasing of images, then mixup or cutmix with another image of the batch: functions
 * of seed, step, layer and place in the batch. In a graph for evaluation y is x, and targets are one-hot. Gradients
 * end here.
 *
 * Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018. Yun et al., "CutMix", ICCV 2019. Zhong et al.,
 * "Random Erasing Data Augmentation", AAAI 2020.
 */
export const augmentOp: Op<In, AugmentAttrs, Out> = {
  name: "augment",
  takes: {
    inputs: { x: "required", labels: "optional" },
    options: {
      crop: OPTIONAL_NUMBER,
      flip: OPTIONAL_NUMBER,
      brightness: OPTIONAL_NUMBER,
      contrast: OPTIONAL_NUMBER,
      saturation: OPTIONAL_NUMBER,
      erase: OPTIONAL_NUMBER,
      mixup: OPTIONAL_NUMBER,
      cutmix: OPTIONAL_NUMBER,
      normalize: NORMALIZE,
      layer: NUMBER,
      classes: OPTIONAL_NUMBER,
    },
  },
  infer({ x, labels }, attrs) {
    const [N, H, W, C] = nhwc("augment", x);
    if (C > 4) throw new ShapeError("augment", "expects images of at most 4 channels", describe(x));
    checkOptions(attrs, Math.max(H, W));
    normalization(attrs, C);
    const y: TensorSpec = { shape: x.shape };
    if (!labels) {
      if (mixes(attrs)) throw new ShapeError("augment", "mixup and cutmix need labels", describe(x));
      return { y };
    }
    if (labels.shape.length !== 1 || labels.shape[0] !== N || labels.storage.dtype !== "i32") {
      throw new ShapeError("augment", `labels must be i32 (${N})`, `${describe(x)}, ${describe(labels)}`);
    }
    return { y, targets: { shape: [N, attrs.classes ?? 0] } };
  },
  isRandom: changes,
  views: ({ x }, attrs) => (isView(x, attrs) ? { y: x } : {}),
  forward(emit, { inputs: { x, labels }, attrs, outputs: { y, targets } }) {
    const [N, H, W, C] = nhwc("augment", x);
    let drawn: Tensor | undefined;
    const MIX = Number(mixes(attrs) && !isView(x, attrs));
    if (!isView(x, attrs)) {
      const normal = emit.constant("normal", normalization(attrs, C));
      drawn = emit.temporary("drawn", [N, DRAWN]);
      const sizes = { N, H, W, C };
      const draws = {
        CROP: attrs.crop ?? 0,
        FLIP: attrs.flip ?? 0,
        BRIGHTNESS: attrs.brightness ?? 0,
        CONTRAST: attrs.contrast ?? 0,
        SATURATION: attrs.saturation ?? 0,
        ERASE: attrs.erase ?? 0,
        MIXUP: attrs.mixup ?? 0,
        CUTMIX: attrs.cutmix ?? 0,
        LAYER: attrs.layer,
      };
      emit.dispatch(augment_draw, { x, normal, drawn }, { ...sizes, ...draws }, fold(N));
      const constants = { ...sizes, JITTER: Number(jitters(attrs)), MIX };
      emit.dispatch(augment, { x, normal, drawn, y }, constants, grid(N * H * W, augment));
    }
    if (labels && targets) {
      drawn ??= emit.constant("drawn", new Float32Array(DRAWN));
      const constants = { N, K: targets.shape[1]!, MIX };
      const workgroups = grid(storedLength(targets.shape) / 4, mix_targets);
      emit.dispatch(mix_targets, { labels, drawn, t: targets }, constants, workgroups);
    }
  },
};

/** Mean and std of each channel, a vec4 each. */
function normalization({ normalize }: Augmentation, channels: number): Float32Array {
  const values = Float32Array.of(0, 0, 0, 0, 1, 1, 1, 1);
  if (!normalize) return values;
  const { mean, std } = normalize;
  const usable = mean.every(Number.isFinite) && std.every((v) => v > 0 && Number.isFinite(v));
  if (mean.length !== channels || std.length !== channels || !usable) {
    throw new ShapeError(
      "augment",
      `normalize must hold ${channels} finite means and positive stds`,
      `mean [${mean.join(", ")}], std [${std.join(", ")}]`,
    );
  }
  values.set(mean);
  values.set(std, 4);
  return values;
}

function checkOptions(
  { crop = 0, normalize, layer, classes, ...shares }: AugmentAttrs,
  extent: number,
): void {
  if (!Number.isInteger(crop) || crop < 0 || crop > extent) {
    throw new ShapeError("augment", `crop must be a whole number from 0 to ${extent}`, `crop ${crop}`);
  }
  for (const [name, share] of Object.entries(shares)) {
    if (!(share >= 0 && share <= 1)) {
      throw new ShapeError("augment", `${name} must be in [0, 1]`, `${name} ${share}`);
    }
  }
}
