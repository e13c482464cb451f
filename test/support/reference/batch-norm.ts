import type { BatchNorm } from "../../../src/ops/norm/batch-norm.ts";
import { activate } from "./activation.ts";
import type { NdArray } from "./ndarray.ts";

type Inputs = { x: NdArray; weight: NdArray; bias: NdArray; runningMean: NdArray; runningVar: NdArray };

/** y, the statistics it was normalised by, and the running statistics afterwards. */
export function batchNorm(given: Record<string, NdArray>, attrs: BatchNorm): Record<string, NdArray> {
  const { x, weight, bias, runningMean, runningVar } = given as Inputs;
  const C = x.shape.at(-1)!;
  const rows = x.data.length / C;
  const mean = attrs.mode === "train" ? new Float64Array(C) : runningMean.data;
  const variance = attrs.mode === "train" ? new Float64Array(C) : runningVar.data;
  const y = new Float64Array(x.data.length);
  const nextMean = runningMean.data.slice();
  const nextVar = runningVar.data.slice();
  for (let c = 0; c < C; c++) {
    if (attrs.mode === "train") {
      for (let i = c; i < x.data.length; i += C) mean[c]! += x.data[i]! / rows;
      for (let i = c; i < x.data.length; i += C) variance[c]! += (x.data[i]! - mean[c]!) ** 2 / rows;
      // With a momentum of 1 what was there before is forgotten, even a NaN.
      const keep = (old: number): number => (attrs.momentum === 1 ? 0 : (1 - attrs.momentum) * old);
      nextMean[c] = keep(nextMean[c]!) + attrs.momentum * mean[c]!;
      nextVar[c] = keep(nextVar[c]!) + (attrs.momentum * variance[c]! * rows) / (rows - 1);
    }
    const deviation = Math.sqrt(variance[c]! + attrs.eps);
    for (let i = c; i < x.data.length; i += C) {
      const normal = (x.data[i]! - mean[c]!) / deviation;
      const z = normal * weight.data[c]! + bias.data[c]! + (given.residual?.data[i] ?? 0);
      y[i] = attrs.activation ? activate(z, attrs.activation) : z;
    }
  }
  const vector = (data: Float64Array): NdArray => ({ shape: [C], data });
  return {
    y: { shape: x.shape, data: y },
    mean: vector(mean),
    variance: vector(variance),
    runningMean: vector(nextMean),
    runningVar: vector(nextVar),
  };
}
