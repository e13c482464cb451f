import { ShapeError } from "../../base/errors.ts";
import type { BackwardEmitter, Emitter, GradientTarget, Op } from "../../graph/op.ts";
import { describe, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import { mul, mul_channel_sums, mul_pixel_sums } from "../../kernel/shaders.gen.ts";
import { emitSplitSum } from "../conv/split-sum.ts";
import { partsFor } from "../norm/rows.ts";

type In = {
  /** (…, C). */
  a: Tensor;
  /** Of the same shape; or, for a (N, H, W, C), a factor for each channel, (N, C), or for each pixel, (N, H, W, 1). */
  b: Tensor;
};
type Out = { y: Tensor };

/** Numbers of shaders/elementwise/mul.wgsl. */
const SHAPES = { alike: 0, channel: 1, pixel: 2 } as const;

/** How b lies beside a; undefined if it does not fit. */
function shapeOf(a: Tensor, b: Tensor): keyof typeof SHAPES | undefined {
  const is = (...shape: readonly (number | undefined)[]): boolean => b.shape.join() === shape.join();
  if (is(...a.shape)) return "alike";
  if (a.shape.length !== 4) return undefined;
  const [N, H, W, C] = a.shape;
  if (is(N, C)) return "channel";
  return is(N, H, W, 1) ? "pixel" : undefined;
}

/** Pixels of an image; of anything else a row is one. */
const pixelsOf = ({ shape }: Tensor): number => (shape.length === 4 ? shape[1]! * shape[2]! : 1);

/** y = a b, elementwise: b has a's shape (…, C), or scales a (N, H, W, C) by (N, C) or (N, H, W, 1). */
export const mulOp: Op<In, Record<never, never>, Out> = {
  name: "mul",
  takes: { inputs: { a: "required", b: "required" }, options: {} },
  infer({ a, b }) {
    if (!shapeOf(a, b)) {
      const [N, H, W, C] = a.shape;
      const scales = a.shape.length === 4 ? `, (${N}, ${C}) or (${N}, ${H}, ${W}, 1)` : "";
      const reason = `b must be (${a.shape.join(", ")})${scales}`;
      throw new ShapeError("mul", reason, `${describe(a)}, ${describe(b)}`);
    }
    return { y: { shape: a.shape, dtype: a.storage.dtype } };
  },
  forward(emit, { inputs: { a, b }, outputs: { y } }) {
    emitProduct(emit, a, b, { tensor: y, accumulate: 0 });
  },
  backward(emit, { inputs: { a, b }, outputs: { y } }) {
    const dy = emit.gradient(y);
    if (emit.wants(a)) emitProduct(emit, dy, b, emit.into(a));
    if (!emit.wants(b)) return;
    const shape = shapeOf(a, b);
    if (shape === "alike") emitProduct(emit, dy, a, emit.into(b));
    else if (shape === "channel") emitChannelSums(emit, a, dy, b);
    else emitPixelSums(emit, a, dy, emit.into(b));
  },
};

function emitProduct(
  emit: Emitter,
  a: Tensor,
  b: Tensor,
  { tensor: y, accumulate: ACCUMULATE }: GradientTarget,
): void {
  const LENGTH = storedLength(a.shape) / 4;
  const SHAPE = SHAPES[shapeOf(a, b)!];
  const constants = { LENGTH, PIXELS: pixelsOf(a), C: a.shape.at(-1)!, SHAPE, ACCUMULATE };
  emit.dispatch(mul, { a, b, y }, constants, grid(LENGTH, mul));
}

function emitChannelSums(emit: BackwardEmitter, a: Tensor, dy: Tensor, b: Tensor): void {
  const [N, C] = b.shape as [number, number];
  const LENGTH = storedLength(b.shape) / 4;
  const PIXELS = pixelsOf(a);
  const PARTS = partsFor({ ROWS: PIXELS, C: N * pad4(C) }, isCpu(emit.device) ? "few" : "many");
  const partial = emit.temporary("partial", [PARTS, N, C]);
  const workgroups = grid(PARTS * LENGTH, mul_channel_sums);
  emit.dispatch(mul_channel_sums, { a, dy, partial }, { LENGTH, PIXELS, C, PARTS }, workgroups);
  emitSplitSum(emit, partial, PARTS, emit.into(b));
}

function emitPixelSums(
  emit: Emitter,
  a: Tensor,
  dy: Tensor,
  { tensor: db, accumulate: ACCUMULATE }: GradientTarget,
): void {
  const C = a.shape.at(-1)!;
  const PIXELS = storedLength(a.shape) / pad4(C);
  emit.dispatch(mul_pixel_sums, { a, dy, db }, { PIXELS, C, ACCUMULATE }, grid(PIXELS, mul_pixel_sums));
}
