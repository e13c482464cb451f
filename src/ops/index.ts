export { activationOp } from "./activation.ts";
export { addOp } from "./add.ts";
export { averageOp } from "./average.ts";
export { type BatchNorm, batchNormOp } from "./batch-norm.ts";
export { concatOp } from "./concat.ts";
export { type Dropout, dropoutOp } from "./dropout.ts";
export { flattenOp } from "./flatten.ts";
export { type AvgPool2d, avgPool2dOp, globalAvgPoolOp, maxPool2dOp, type Pool2d } from "./pool.ts";
