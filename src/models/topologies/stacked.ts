import { ShapeError } from "../../base/errors.ts";
import { namesOf } from "../../base/names.ts";
import { show } from "../../base/schema.ts";
import { batchNorm, conv2d, dense, globalAvgPool, heNormal } from "../../layers/index.ts";
import { identityBlock, plainBlock } from "../blocks.ts";
import { carried, checked, type Model, type ModelOptions } from "../model.ts";

/** Which pairs of convolutions of `stacked` have a shortcut, by name. */
export type ShortcutsName = "all" | "alternate" | "none";

/** Whether the pair with this index has a shortcut. */
const NAMED: Readonly<Record<ShortcutsName, (pair: number) => boolean>> = {
  all: () => true,
  alternate: (pair) => pair % 2 === 1,
  none: () => false,
};

/** The names of patterns of shortcuts. */
export const shortcutsNames = namesOf(NAMED);

/** Options of `stacked`. */
export interface StackedOptions extends ModelOptions {
  /**
   * Layers with weights: 6n + 2 for n pairs of convolutions in each of three stages, one convolution before them and a
   * dense layer behind. Default 14.
   */
  readonly depth?: number;
  /**
   * Which pairs have a shortcut: `all`, as in a ResNet; `none`, as in a ConvNet; every second one, from the second on
   * (`alternate`, the default); or as listed, true or false for each of the 3n pairs in order.
   */
  readonly shortcuts?: ShortcutsName | readonly boolean[];
  /** Channels of the three stages. Default 8, 16 and 32; the paper's are 16, 32 and 64. */
  readonly widths?: readonly [number, number, number];
  /** Whether batch norm follows each convolution. Default true. */
  readonly batchNorm?: boolean;
}

/**
 * A stack of pairs of 3×3 convolutions, any of which has a shortcut: what shortcuts are worth in depth, with all else
 * equal. conv 3×3 – BN – ReLU → three stages of pairs, the second and third begin with stride 2 → global average
 * pool → dense. 28×28×1 and 10 classes by default; takes images of any size.
 *
 * Shortcuts have no parameters: where the shape changes they take every second pixel, and zeros for the new channels.
 * So networks that differ in their shortcuts alone have the same parameters (torchvision's names: conv1, bn1,
 * layer1.0.conv1, …, fc), and start with the same values from the same seed. Throws ShapeError for a depth that is not
 * 6n + 2, and for widths that fall.
 *
 * He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2: ResNet-20 to 110 with option A.
 */
export function stacked(options: StackedOptions = {}): Model {
  const { inputShape = [28, 28, 1], classes = 10, depth = 14, widths = [8, 16, 32] } = options;
  const { shortcuts = "alternate", batchNorm: normalised = true } = options;
  const pairs = pairsOf(depth);
  const hasShortcut = shortcutsOf(shortcuts, 3 * pairs);
  if (widths.length !== 3 || widths[1] < widths[0] || widths[2] < widths[1]) {
    const reason =
      "takes three widths, none below the one before it, since shortcuts without parameters only add channels";
    throw new ShapeError("stacked", reason, `widths ${show(widths)}`);
  }
  const init = heNormal("out");
  return checked({
    name: "stacked",
    inputShape,
    classes,
    options: { inputShape, classes, depth, shortcuts, widths, batchNorm: normalised, ...carried(options) },
    ...carried(options),
    build(images) {
      const stem = { outChannels: widths[0], kernelSize: 3, padding: 1, init };
      let x = normalised
        ? batchNorm(conv2d(images, "conv1", { ...stem, bias: false }), "bn1", { activation: "relu" })
        : conv2d(images, "conv1", { ...stem, activation: "relu" });
      for (const [pair, shortcut] of hasShortcut.entries()) {
        const [stage, i] = [Math.floor(pair / pairs), pair % pairs];
        const stride = stage > 0 && i === 0 ? 2 : 1;
        const block = { outChannels: widths[stage]!, stride, batchNorm: normalised, init };
        const name = `layer${stage + 1}.${i}`;
        x = (shortcut ? identityBlock : plainBlock)(x, name, block);
      }
      return dense(globalAvgPool(x), "fc", { outFeatures: classes });
    },
  });
}

/** The deepest network of the paper. */
const MAX_DEPTH = 1202;

/** Pairs in each stage. */
function pairsOf(depth: number): number {
  if (Number.isInteger(depth) && depth > 2 && depth <= MAX_DEPTH && depth % 6 === 2) return (depth - 2) / 6;
  throw new ShapeError("stacked", `depth must be 6n + 2: 8, 14, 20, 26, …, ${MAX_DEPTH}`, show(depth));
}

/** Whether each pair has a shortcut. */
export function shortcutsOf(
  shortcuts: NonNullable<StackedOptions["shortcuts"]>,
  pairs: number,
): readonly boolean[] {
  if (typeof shortcuts === "string" && Object.hasOwn(NAMED, shortcuts)) {
    return Array.from({ length: pairs }, (_, pair) => NAMED[shortcuts](pair));
  }
  const listed = Array.isArray(shortcuts) && shortcuts.every((value) => typeof value === "boolean");
  if (listed && shortcuts.length === pairs) return shortcuts;
  const reason = `shortcuts must be ${shortcutsNames.join(", ")} or a list of ${pairs} times true or false`;
  throw new ShapeError("stacked", reason, show(shortcuts));
}
