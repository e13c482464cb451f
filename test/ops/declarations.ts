import type { OpDeclaration } from "../support/op/declaration.ts";
import type { OptimizerDeclaration } from "../support/op/update.ts";
import { convTranspose2d } from "./conv/conv-transpose2d.ts";
import { conv2d } from "./conv/conv2d.ts";
import { dense } from "./conv/dense.ts";
import { activation } from "./elementwise/activation.ts";
import { add } from "./elementwise/add.ts";
import { average } from "./elementwise/average.ts";
import { cast } from "./elementwise/cast.ts";
import { dropout } from "./elementwise/dropout.ts";
import { mul } from "./elementwise/mul.ts";
import { prelu } from "./elementwise/prelu.ts";
import { rescale } from "./elementwise/rescale.ts";
import { sub } from "./elementwise/sub.ts";
import { augment } from "./image/augment.ts";
import { upsample } from "./image/upsample.ts";
import { concat } from "./layout/concat.ts";
import { flatten } from "./layout/flatten.ts";
import { fromPadded } from "./layout/from-padded.ts";
import { padChannels } from "./layout/pad-channels.ts";
import { pad2d } from "./layout/pad2d.ts";
import { toPadded } from "./layout/to-padded.ts";
import { crossEntropy } from "./loss/cross-entropy.ts";
import { elementwiseLoss } from "./loss/elementwise.ts";
import { lossScale } from "./loss/loss-scale.ts";
import { softCrossEntropy } from "./loss/soft-cross-entropy.ts";
import { softmax } from "./loss/softmax.ts";
import { sumLosses } from "./loss/sum-losses.ts";
import { batchNorm } from "./norm/batch-norm.ts";
import { groupNorm, layerNorm } from "./norm/group-norm.ts";
import { adam } from "./optimizer/adam.ts";
import { sgd } from "./optimizer/sgd.ts";
import { avgPool2d } from "./pool/avg-pool2d.ts";
import { globalAvgPool } from "./pool/global-avg-pool.ts";
import { globalMaxPool } from "./pool/global-max-pool.ts";
import { maxPool2d } from "./pool/max-pool2d.ts";

/** Declarations of every op, in the order of `src/ops/index.ts`. */
export const declarations: readonly OpDeclaration[] = [
  ...[conv2d, convTranspose2d, dense],
  ...[activation, add, average, cast, dropout, mul, prelu, rescale, sub],
  ...[augment, upsample],
  ...[concat, flatten, pad2d, padChannels, fromPadded, toPadded],
  ...[crossEntropy, elementwiseLoss, lossScale, softCrossEntropy, softmax, sumLosses],
  ...[batchNorm, groupNorm, layerNorm],
  ...[avgPool2d, globalAvgPool, globalMaxPool, maxPool2d],
];

/** Declarations of every optimizer. */
export const optimizers: readonly OptimizerDeclaration[] = [sgd, adam];
