/** The base class of every error that this library throws on purpose. */
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

/** A data set, batch or label cannot be used: it is empty, cut short, out of range or not finite. */
export class DataError extends WebgraftError {}

/** A file of weights or a checkpoint is malformed or does not fit the model. */
export class WeightsError extends WebgraftError {}

/** No WebGPU, no adapter, or the adapter lacks what the plan needs. */
export class DeviceError extends WebgraftError {}

/** The GPU device was lost while in use: a driver reset, a tab in the background, `destroy()`. */
export class DeviceLostError extends DeviceError {}

/** The GPU could not allocate what was asked for. */
export class OutOfMemoryError extends DeviceError {}

/** The GPU rejected a command: always a bug in this library or in a kernel embedded by hand. */
export class ValidationError extends DeviceError {}

/** A shader did not compile; the message names the source file and line. */
export class ShaderError extends WebgraftError {}

/** The loss became NaN or infinite. */
export class NonFiniteError extends WebgraftError {}

/** The planner cannot place a tensor within the device's limits. */
export class PlanError extends WebgraftError {}
