import { type NdArray, size } from "../../../src/testing/arrays.ts";

export { type NdArray, size };

export const zeros = (shape: readonly number[]): NdArray => ({ shape, data: new Float64Array(size(shape)) });
