/**
 * The base class of every error that this library throws on purpose. Where an error comes from another bundle or from a
 * worker, look at its `name`: `instanceof` knows only the classes of its own bundle.
 */
export class WebgraftError extends Error {
  /** The name of the class, written out in each: a minified bundle renames classes. */
  override readonly name: string = "WebgraftError";
}

/** An operation was given tensors or options that do not fit: `operation: reason — given values`. */
export class ShapeError extends WebgraftError {
  override readonly name = "ShapeError";

  constructor(operation: string, reason: string, given = "") {
    super(given ? `${operation}: ${reason} — ${given}` : `${operation}: ${reason}`);
  }
}

/** A data set, batch or label cannot be used: it is empty, cut short, out of range or not finite. */
export class DataError extends WebgraftError {
  override readonly name = "DataError";
}

/** A file of weights or a checkpoint is malformed or does not fit the model. */
export class WeightsError extends WebgraftError {
  override readonly name = "WeightsError";
}

/** No WebGPU, no adapter, or the adapter lacks what the plan needs. */
export class DeviceError extends WebgraftError {
  override readonly name: string = "DeviceError";
}

/** The GPU device was lost while in use: a driver reset, a tab in the background, `destroy()`. */
export class DeviceLostError extends DeviceError {
  override readonly name = "DeviceLostError";
}

/** The GPU could not allocate what was asked for. */
export class OutOfMemoryError extends DeviceError {
  override readonly name = "OutOfMemoryError";
}

/** The GPU rejected a command: always a bug in this library or in a kernel embedded by hand. */
export class ValidationError extends DeviceError {
  override readonly name = "ValidationError";
}

/** A shader did not compile; the message names the source file and line. */
export class ShaderError extends WebgraftError {
  override readonly name = "ShaderError";
}

/** The loss, gradients or weights became NaN or infinite; or weights that are so were to be saved. */
export class NonFiniteError extends WebgraftError {
  override readonly name = "NonFiniteError";
}

/** An op does not compute what it is to, or its gradients are not the slopes of that; the message says where. */
export class GradientError extends WebgraftError {
  override readonly name = "GradientError";
}

/** The planner cannot place a tensor within the device's limits. */
export class PlanError extends WebgraftError {
  override readonly name = "PlanError";
}

/** A method was called while another one runs that it can neither wait for nor run beside; the message says which. */
export class BusyError extends WebgraftError {
  override readonly name = "BusyError";
}

/** Something was used after its `destroy()`, or was destroyed while it ran. */
export class DestroyedError extends WebgraftError {
  override readonly name = "DestroyedError";
}
