export { activationOp } from "./activation.ts";
export { conv2dOp } from "./conv2d.ts";
export { crossEntropyOp } from "./cross-entropy.ts";
export { denseOp } from "./dense.ts";
export { softmaxOp } from "./softmax.ts";
