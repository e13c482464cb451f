export { activationOp } from "./activation.ts";
