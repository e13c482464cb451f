/** Launches with their buffers, made once by `bind` of a prepared kernel or op and encoded any number of times. */
export interface Bound {
  /**
   * Appends the launches to `pass`, where the pipeline and bind groups 0 and, for live scalars, 1 stay set. Throws
   * DestroyedError once what was prepared is destroyed.
   */
  encode(pass: GPUComputePassEncoder): void;
}
