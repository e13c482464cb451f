/** `webgraft/testing`: the check of gradients that the library's own ops pass, for those of apps. Needs no test runner. */
export type { Arrays, NdArray } from "./arrays.ts";
export type { InputSpec, OpCase, Shape, Tolerance } from "./case.ts";
export { checkGradients, type GradientCase, type GradientReport } from "./check-gradients.ts";
export type { Comparison } from "./compare.ts";
