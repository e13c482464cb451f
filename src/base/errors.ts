/** Every error this library throws on purpose; `catch (e) { if (e instanceof WebgraftError) … }`. */
export class WebgraftError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An operation was given tensors or options that do not fit: `operation: reason — given values`. */
export class ShapeError extends WebgraftError {
  constructor(operation: string, reason: string, given = "") {
    super(given ? `${operation}: ${reason} — ${given}` : `${operation}: ${reason}`);
  }
}

/** A data set, batch or label is unusable: empty, cut short, out of range, not finite. */
export class DataError extends WebgraftError {}

/** A file of weights or a checkpoint is malformed or does not fit the model. */
export class WeightsError extends WebgraftError {}

/** No WebGPU, no adapter, or the adapter lacks what the plan needs. */
export class DeviceError extends WebgraftError {}

/** The GPU device went away in the middle of the work (driver reset, tab in the background, `destroy()`). */
export class DeviceLostError extends DeviceError {}

/** The GPU could not allocate what was asked for. */
export class OutOfMemoryError extends DeviceError {}

/** The GPU refused a command; always a defect of this library or of a kernel embedded by hand. */
export class ValidationError extends DeviceError {}

/** A shader did not compile; the message names the source file and line. */
export class ShaderError extends WebgraftError {}

/** The loss became NaN or infinite. */
export class NonFiniteError extends WebgraftError {}

/** The planner cannot place a tensor within the device's limits. */
export class PlanError extends WebgraftError {}
