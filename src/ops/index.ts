export { activationOp } from "./activation.ts";
export { conv2dOp } from "./conv2d.ts";
export { denseOp } from "./dense.ts";
