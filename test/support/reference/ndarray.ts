/** Values in logical order, row-major, in f64, as the references use them. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const size = (shape: readonly number[]): number =>
  shape.reduce((product, extent) => product * extent, 1);

export const zeros = (shape: readonly number[]): NdArray => ({ shape, data: new Float64Array(size(shape)) });
