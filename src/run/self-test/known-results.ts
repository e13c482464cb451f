// Made by test/support/op/known-results.ts from the references in f64; it is not edited.

/** An op on inputs of these shapes, filled with `knownValues`, and what comes out. */
export interface KnownCase {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly attrs: unknown;
  /** Whether its activations may be f16. */
  readonly half?: true;
  /** The sums, with `sumWeights`, of the result `y`, or the loss, and of the gradient `d…` of inputs. */
  readonly sums: Readonly<Record<string, number>>;
}

/** By the op's name. */
export const knownOps: Readonly<Record<string, readonly KnownCase[]>> = {
  conv2d: [
    {
      inputs: { x: [2, 9, 10, 20], weight: [3, 3, 20, 36], bias: [36] },
      attrs: {
        stride: [1, 1],
        dilation: [1, 1],
        padding: [1, 1, 1, 1],
        groups: 1,
        activation: { name: "relu" },
      },
      half: true,
      sums: { y: -149.8668, dx: 92.72446, dweight: 60.55658, dbias: -15.28779 },
    },
    {
      inputs: { x: [2, 9, 10, 12], weight: [3, 3, 12, 20], bias: [20] },
      attrs: { stride: [2, 2], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 },
      half: true,
      sums: { y: -83.69486, dx: 30.75586, dweight: -43.61171, dbias: 2.286848 },
    },
    {
      inputs: { x: [2, 7, 6, 68], weight: [1, 1, 68, 20], bias: [20] },
      attrs: { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 },
      half: true,
      sums: { y: -0.8097093, dx: -28.60383, dweight: 90.51995, dbias: 4.430083 },
    },
    {
      inputs: { x: [2, 9, 8, 3], weight: [3, 3, 3, 20], bias: [20] },
      attrs: { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 },
      half: true,
      sums: { y: 28.9436, dx: 15.30225, dweight: 22.20137, dbias: 9.229609 },
    },
    {
      inputs: { x: [2, 7, 6, 8], weight: [3, 3, 4, 8], bias: [8] },
      attrs: { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 2 },
      half: true,
      sums: { y: -47.06277, dx: 17.1258, dweight: -6.094839, dbias: -7.264146 },
    },
    {
      inputs: { x: [2, 7, 6, 8], weight: [3, 3, 1, 8], bias: [8] },
      attrs: { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 8 },
      half: true,
      sums: { y: 4.48249, dx: -6.624602, dweight: 4.107999, dbias: -7.264146 },
    },
    {
      inputs: { x: [2, 7, 6, 8], weight: [3, 3, 1, 8], bias: [8] },
      attrs: { stride: [2, 2], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 8 },
      half: true,
      sums: { y: 6.720335, dx: 0.3926188, dweight: 2.448875, dbias: -3.695662 },
    },
  ],
  conv_transpose2d: [
    {
      inputs: { x: [2, 5, 6, 8], weight: [3, 3, 12, 8], bias: [12] },
      attrs: {
        stride: [2, 2],
        dilation: [1, 1],
        padding: [1, 1, 1, 1],
        groups: 1,
        outputPadding: [1, 1],
        activation: { name: "relu" },
      },
      half: true,
      sums: { y: 64.01855, dx: -26.42603, dweight: -48.08722, dbias: -9.533177 },
    },
  ],
  dense: [
    {
      inputs: { x: [18, 76], weight: [76, 37], bias: [37] },
      attrs: {},
      half: true,
      sums: { y: 55.94159, dx: -62.16441, dweight: 53.83921, dbias: 3.793993 },
    },
    {
      inputs: { x: [18, 3], weight: [3, 37], bias: [37] },
      attrs: {},
      half: true,
      sums: { y: 12.61978, dx: -2.798262, dweight: -8.813853, dbias: 3.793993 },
    },
  ],
  activation: [
    { inputs: { x: [3, 5, 6] }, attrs: { name: "relu" }, half: true, sums: { y: 0.6950342, dx: 0.6024435 } },
    { inputs: { x: [3, 5, 6] }, attrs: { name: "gelu" }, half: true, sums: { y: 0.896295, dx: 0.5905962 } },
  ],
  add: [
    {
      inputs: { a: [3, 5, 6], b: [3, 5, 6] },
      attrs: { activation: { name: "relu" } },
      half: true,
      sums: { y: 1.348246, da: -0.8581112, db: 0.6360363 },
    },
  ],
  average: [
    {
      inputs: { x0: [3, 5, 6], x1: [3, 5, 6] },
      attrs: {},
      half: true,
      sums: { y: -1.342438, dx0: 0.4456662, dx1: 0.9677749 },
    },
  ],
  mul: [
    {
      inputs: { a: [2, 5, 6, 7], b: [2, 5, 6, 7] },
      attrs: {},
      half: true,
      sums: { y: 5.625106, da: -0.9283864, db: 4.2095 },
    },
    {
      inputs: { a: [2, 5, 6, 7], b: [2, 7] },
      attrs: {},
      half: true,
      sums: { y: -0.5048328, da: -1.054856, db: 9.14714 },
    },
    {
      inputs: { a: [2, 5, 6, 7], b: [2, 5, 6, 1] },
      attrs: {},
      half: true,
      sums: { y: -3.457621, da: 9.905864, db: 3.35384 },
    },
  ],
  prelu: [
    {
      inputs: { x: [2, 5, 6, 7], weight: [7] },
      attrs: {},
      half: true,
      sums: { y: -3.783375, dx: 7.079031, dweight: 1.169767 },
    },
    {
      inputs: { x: [2, 5, 6, 7], weight: [1] },
      attrs: {},
      half: true,
      sums: { y: -2.012333, dx: 5.860491, dweight: -1.239357 },
    },
  ],
  rescale: [
    {
      inputs: { x: [3, 5, 6] },
      attrs: { scale: [1, 2, 3, 4, 5, 6], offset: 0.5 },
      half: true,
      sums: { y: 3.909409, dx: 10.67435 },
    },
  ],
  sub: [
    {
      inputs: { a: [3, 5, 6], b: [3, 5, 6] },
      attrs: {},
      half: true,
      sums: { y: 6.52911, da: -0.6311247, db: -2.809268 },
    },
  ],
  concat: [
    {
      inputs: { x0: [3, 5, 6], x1: [3, 5, 7] },
      attrs: {},
      half: true,
      sums: { y: -2.036087, dx0: -1.010828, dx1: -0.2375595 },
    },
  ],
  flatten: [{ inputs: { x: [2, 3, 5, 7] }, attrs: {}, half: true, sums: { y: 0.02880702, dx: 5.619234 } }],
  pad2d: [
    {
      inputs: { x: [2, 4, 5, 6] },
      attrs: { padding: [2, -1, 1, 3], mode: "constant", value: 0.5 },
      half: true,
      sums: { y: 4.635289, dx: -0.4232776 },
    },
    {
      inputs: { x: [2, 4, 5, 6] },
      attrs: { padding: [2, -1, 1, 3], mode: "reflect", value: 0.5 },
      half: true,
      sums: { y: -3.884004, dx: 2.080512 },
    },
  ],
  pad_channels: [
    { inputs: { x: [3, 5, 6] }, attrs: { channels: 13 }, half: true, sums: { y: 2.465871, dx: 8.663531 } },
  ],
  upsample: [
    {
      inputs: { x: [2, 3, 4, 6] },
      attrs: { size: [6, 7], mode: "nearest" },
      half: true,
      sums: { y: 5.620883, dx: -2.195661 },
    },
    {
      inputs: { x: [2, 3, 4, 6] },
      attrs: { size: [6, 7], mode: "bilinear" },
      half: true,
      sums: { y: 3.231186, dx: -0.9857591 },
    },
  ],
  cross_entropy: [
    { inputs: { logits: [37, 11], labels: [37] }, attrs: {}, sums: { y: 118.8719, dlogits: 0.04082635 } },
  ],
  elementwise_loss: [
    {
      inputs: { prediction: [7, 11], target: [7, 11] },
      attrs: { name: "mse" },
      sums: { y: 114.5235, dprediction: -0.05974505 },
    },
    {
      inputs: { prediction: [7, 11], target: [7, 11] },
      attrs: { name: "l1" },
      sums: { y: 109.6847, dprediction: -0.0634979 },
    },
    {
      inputs: { prediction: [7, 11], target: [7, 11] },
      attrs: { name: "huber" },
      sums: { y: 84.01181, dprediction: -0.03772257 },
    },
    {
      inputs: { prediction: [7, 11], target: [7, 11] },
      attrs: { name: "bce_with_logits" },
      sums: { y: 110.2851, dprediction: -0.01059761 },
    },
  ],
  softmax: [{ inputs: { x: [7, 11] }, attrs: {}, sums: { y: 0.3726104, dx: -0.05739469 } }],
  batch_norm: [
    {
      inputs: { x: [2, 7, 6, 20], weight: [20], bias: [20], runningMean: [20], runningVar: [20] },
      attrs: { mode: "train", eps: 0.00001, momentum: 0.1, activation: { name: "relu" } },
      half: true,
      sums: { y: -4.74467, dx: -4.80844, dweight: 0.8758132, dbias: -0.6788389 },
    },
    {
      inputs: {
        x: [2, 7, 6, 20],
        weight: [20],
        bias: [20],
        runningMean: [20],
        runningVar: [20],
        residual: [2, 7, 6, 20],
      },
      attrs: { mode: "train", eps: 0.00001, momentum: 0.1, activation: { name: "relu" } },
      half: true,
      sums: { y: 0.1218642, dx: -2.499169, dweight: 2.828855, dbias: 8.111562, dresidual: -14.84844 },
    },
  ],
  group_norm: [
    {
      inputs: { x: [2, 7, 6, 20], weight: [20], bias: [20] },
      attrs: { groups: 4, eps: 0.00001 },
      half: true,
      sums: { y: 3.253906, dx: 5.893163, dweight: 15.75759, dbias: 4.430083 },
    },
  ],
  layer_norm: [
    {
      inputs: { x: [2, 7, 6, 20], weight: [20], bias: [20] },
      attrs: { eps: 0.00001 },
      half: true,
      sums: { y: 0.6698123, dx: -4.808622, dweight: 15.93242, dbias: 4.430083 },
    },
  ],
  avg_pool2d: [
    {
      inputs: { x: [2, 7, 6, 5] },
      attrs: { kernel: [3, 3], padding: [1, 1, 1, 1], stride: [2, 2], countIncludePad: true },
      half: true,
      sums: { y: 0.4815396, dx: -2.106804 },
    },
  ],
  global_avg_pool: [
    { inputs: { x: [3, 5, 6, 7] }, attrs: {}, half: true, sums: { y: 0.3394297, dx: -0.2794602 } },
  ],
  global_max_pool: [
    { inputs: { x: [3, 5, 6, 7] }, attrs: {}, half: true, sums: { y: 4.49753, dx: 1.090449 } },
  ],
  max_pool2d: [
    {
      inputs: { x: [2, 7, 6, 5] },
      attrs: { kernel: [3, 3], padding: [1, 1, 1, 1], stride: [2, 2] },
      half: true,
      sums: { y: 1.239827, dx: -8.626418 },
    },
    {
      inputs: { x: [2, 7, 6, 5] },
      attrs: { kernel: [3, 3], padding: [1, 1, 1, 1], stride: [1, 1] },
      half: true,
      sums: { y: -0.29129, dx: 13.93725 },
    },
  ],
};

/** Sums of a parameter after two steps of an optimizer's `standard`, by the kernel that does them. */
export const knownUpdates: Readonly<Record<string, number>> = {
  adam: 2.554136,
  sgd: 1.99903,
  sgd_without_momentum: 1.899529,
};
