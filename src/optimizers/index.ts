export { type AdamOptions, adam, adamw } from "./adam.ts";
export type { GroupOptions, ParameterGroup } from "./groups.ts";
export { gradientNormNames } from "./norms.ts";
export type { Optimizer, OptimizerOptions } from "./optimizer.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
