/**
 * The gradients of ops that predictions run and whose gradients are kernels of their own. They stand apart from the ops,
 * so that an app which only predicts does not carry them. Every app that trains carries all of them, so ops that few networks
 * have keep theirs.
 */
import type { GradientRules } from "../graph/op.ts";
import { conv2dBackward } from "./conv/conv2d.ts";
import { denseBackward } from "./conv/dense.ts";
import { activationBackward } from "./elementwise/activation.ts";
import { addBackward } from "./elementwise/add.ts";
import { concatBackward } from "./layout/concat.ts";
import { flattenBackward } from "./layout/flatten.ts";
import { padChannelsBackward } from "./layout/pad-channels.ts";
import { softmaxBackward } from "./loss/softmax.ts";
import { batchNormBackward } from "./norm/batch-norm.ts";
import { avgPool2dBackward, globalAvgPoolBackward, maxPool2dBackward } from "./pool/pool.ts";

/** By the name that the op has for it (`Op.backward`). */
export const gradients: GradientRules = {
  activation: activationBackward,
  add: addBackward,
  avg_pool2d: avgPool2dBackward,
  batch_norm: batchNormBackward,
  concat: concatBackward,
  conv2d: conv2dBackward,
  dense: denseBackward,
  flatten: flattenBackward,
  global_avg_pool: globalAvgPoolBackward,
  max_pool2d: maxPool2dBackward,
  pad_channels: padChannelsBackward,
  softmax: softmaxBackward,
};
