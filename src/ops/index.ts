export { activationOp } from "./activation.ts";
export { crossEntropyOp } from "./cross-entropy.ts";
export { softmaxOp } from "./softmax.ts";
