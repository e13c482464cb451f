export { type AdamOptions, adam, adamw } from "./adam.ts";
export type { GroupOptions, ParameterGroup } from "./groups.ts";
export { type Optimizer, type OptimizerOptions, type Update, withUpdate } from "./optimizer.ts";
export { type SgdOptions, sgd } from "./sgd.ts";
