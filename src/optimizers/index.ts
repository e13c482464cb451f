export { type AdamOptions, adam, adamw } from "./adam.ts";
export type { GroupOptions, ParameterGroup } from "./groups.ts";
export type { Optimizer, OptimizerOptions, Update } from "./optimizer.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
