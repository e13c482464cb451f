import {
  DeviceError,
  DeviceLostError,
  OutOfMemoryError,
  ValidationError,
  WebgraftError,
} from "../base/errors.ts";
import { Resource } from "../base/resource.ts";
import { type Capabilities, MATRIX_FEATURE, type MatrixUnits } from "../kernel/capabilities.ts";
import { KERNEL_FEATURES } from "../kernel/constants.gen.ts";
import type { MemoryLimits } from "../plan/memory.ts";
import { DEFAULT_LIMITS } from "../plan/plan.ts";
import { narrowSubgroups } from "./narrow-subgroups.ts";
import { Pipelines } from "./pipelines.ts";
import { Tuning } from "./tuning.ts";

declare global {
  // What the library's declarations name and an app's compiler may not know: WebGPU has types since TypeScript 6, or with
  // @webgpu/types, and a worker has no elements. These add nothing to a type that is there. An alias could not be added
  // to, so public declarations name none, such as GPUPowerPreference.
  interface GPU {}
  interface GPUAdapterInfo {}
  interface GPUBindGroup {}
  interface GPUBindGroupEntry {}
  interface GPUBindGroupLayout {}
  interface GPUBuffer {}
  interface GPUBufferBinding {}
  interface GPUCommandEncoder {}
  interface GPUComputePassDescriptor {}
  interface GPUComputePassEncoder {}
  interface GPUComputePipeline {}
  interface GPUDevice {}
  interface HTMLCanvasElement {}
  interface HTMLImageElement {}
  interface HTMLVideoElement {}
  interface MediaStream {}
}

export interface DeviceOptions {
  readonly powerPreference?: "low-power" | "high-performance";
  /** WebGPU's entry point. Default `navigator.gpu`. */
  readonly gpu?: GPU;
  /** `matrixUnits`, of this package: lets the tuner try them where the adapter has some. Default none are tried. */
  readonly matrixUnits?: (info: GPUAdapterInfo) => readonly MatrixUnits[];
}

/** Optional features, requested where the adapter has them: for the profiler, f16 activations and some kernels. */
const FEATURES: ReadonlySet<string> = new Set([
  ...["timestamp-query", "shader-f16", "subgroup-size-control"],
  ...KERNEL_FEATURES,
]);

const ERROR_SCOPES: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];

/**
 * Opens the GPU with its own limits instead of WebGPU's small defaults.
 * Throws DeviceError where there is no WebGPU or no adapter.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Gpu> {
  const { powerPreference = "high-performance", gpu = globalThis.navigator?.gpu, matrixUnits } = options;
  if (!gpu) {
    throw new DeviceError(
      "openDevice: this environment has no WebGPU — use a current Chrome, Edge, Firefox or Safari, in a " +
        "secure context (https or localhost)",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) throw new DeviceError("openDevice: WebGPU found no adapter — check the graphics driver");
  const device = await request(adapter, matrixUnits ? [MATRIX_FEATURE] : []).catch((error: Error) => {
    throw new DeviceError(
      `openDevice: the adapter ${describeAdapter(adapter.info)} gave no device — ${error.message}`,
    );
  });
  const subgroupSize = await narrowSubgroups(device, adapter.info);
  const units = device.features.has(MATRIX_FEATURE) ? matrixUnits?.(adapter.info) : undefined;
  return new Gpu(device, adapter.info, true, {
    ...(subgroupSize && { subgroupSize }),
    ...(units && { matrixUnits: units }),
  });
}

/** A device with those of these features and of `FEATURES` that the adapter has, and buffers as large as it allows. */
async function request(adapter: GPUAdapter, features: readonly string[]): Promise<GPUDevice> {
  const { limits } = adapter;
  const { maxBufferSize, maxStorageBufferBindingSize } = limits;
  const requiredFeatures = [...FEATURES, ...features].filter((feature): feature is GPUFeatureName =>
    adapter.features.has(feature),
  );
  const ask = (requiredLimits: Record<string, number>): Promise<GPUDevice> =>
    adapter.requestDevice({ label: "webgraft", requiredFeatures, requiredLimits });
  return ask({ maxBufferSize, maxStorageBufferBindingSize }).catch((error) => {
    // Bun's bun-webgpu fills in defaults for the limits that are not named, and then finds some above the adapter's.
    const own = Object.entries(limits).filter(([, limit]) => typeof limit === "number");
    if (own.length === 0) throw error; // Elsewhere limits are getters, which are no entries.
    return ask(Object.fromEntries(own));
  });
}

/** What WebGPU says to some calls. */
interface Watched<T> {
  readonly value: T;
  /** Rejects with WebGPU's complaint about the calls, as a named error whose message begins with the operation. */
  readonly accepted: Promise<void>;
}

/**
 * A GPUDevice with its compiled pipelines, limits and measurements, and how it ended. Errors of this library's own calls
 * reject what made them; those of other code on the device are left to that code.
 */
export class Gpu {
  readonly device: GPUDevice;
  /** Vendor, architecture and description; also identifies measurements. */
  readonly adapter: string;
  readonly limits: MemoryLimits;
  /** What kernels may rely on; the `device` option of a graph. */
  readonly capabilities: Capabilities;
  readonly pipelines: Pipelines;
  /** Measurements of this device; graphs made with its `capabilities` use them. Empty at first. */
  readonly tuning: Tuning;
  /** Rejects when the device is lost or `destroy()` is called. */
  readonly failed: Promise<never>;
  readonly #resource = new Resource("Gpu");
  readonly #owned: boolean;

  /**
   * Wraps a device that the caller opened, and may go on using; `openDevice()` is the usual way. An `owned` device is
   * destroyed with this object. `found` is what `openDevice` has found beyond what the adapter says.
   */
  constructor(
    device: GPUDevice,
    info: GPUAdapterInfo = device.adapterInfo,
    owned = false,
    found: Pick<Capabilities, "subgroupSize" | "matrixUnits"> = {},
  ) {
    this.device = device;
    this.#owned = owned;
    this.adapter = describeAdapter(info);
    this.tuning = new Tuning(this.adapter);
    this.capabilities = { ...capabilitiesOf(device, info, this.tuning), ...found };
    this.limits = {
      maxBindingBytes: Math.max(device.limits.maxStorageBufferBindingSize, DEFAULT_LIMITS.maxBindingBytes),
      maxBufferBytes: Math.max(device.limits.maxBufferSize, DEFAULT_LIMITS.maxBufferBytes),
    };
    this.pipelines = new Pipelines(this);
    device.lost.then(({ reason, message }) =>
      this.#resource.end(
        new DeviceLostError(
          `the GPU device was lost (${reason || "unknown"}): ${message || "no reason given"}`,
        ),
      ),
    );
    this.failed = this.during(new Promise(() => {}));
    this.failed.catch(() => {}); // Callers waiting for work see it; if nobody waits, that is no error.
  }

  /** Options for graphs, so that their kernels and arenas suit this device. */
  get graphOptions(): { readonly device: Capabilities; readonly maxBindingBytes: number } {
    return { device: this.capabilities, maxBindingBytes: this.limits.maxBindingBytes };
  }

  /** Throws a DeviceLostError if the device is lost, a DestroyedError after `destroy()`. */
  check(): void {
    this.#resource.check();
  }

  /** Settles as `promise` does, but rejects as soon as the device is lost or this is destroyed. */
  during<T>(promise: Promise<T>): Promise<T> {
    return this.#resource.during(promise);
  }

  /**
   * Throws the error that ended this, or else `error`. A lost device aborts pending work and refuses commands before it
   * reports the loss, so wait a moment for the report.
   */
  async blame(error: unknown): Promise<never> {
    await this.during(new Promise((resolve) => setTimeout(resolve, 100)));
    throw error;
  }

  /** Runs GPU calls, and tells later what WebGPU says to them. */
  watch<T>(operation: string, run: () => T): Watched<T> {
    this.check();
    for (const filter of ERROR_SCOPES) this.device.pushErrorScope(filter);
    let accepted: Promise<void>;
    let value: T;
    try {
      value = run();
    } finally {
      accepted = this.#popScopes(operation);
      accepted.catch(() => {}); // Thrown when its turn comes.
    }
    return { value, accepted };
  }

  /** Runs GPU calls and throws WebGPU's complaint, if any, as a named error whose message begins with `operation`. */
  async guard<T>(operation: string, run: () => T | Promise<T>): Promise<T> {
    try {
      // Only the calls that `run` makes before its first await are watched; later ones report for themselves.
      const { value, accepted } = this.watch(operation, run);
      const [result] = await this.during(Promise.all([value, accepted]));
      return result;
    } catch (error) {
      if (error instanceof WebgraftError) throw error;
      return await this.blame(error);
    }
  }

  /** Ends this: what runs on it, and whatever is asked later, rejects with a DestroyedError. Frees an owned device. */
  destroy(): void {
    this.#resource.end();
    if (this.#owned) this.device.destroy();
  }

  async #popScopes(operation: string): Promise<void> {
    const errors = await Promise.all(ERROR_SCOPES.map(() => this.device.popErrorScope()));
    for (const error of errors) if (error) await this.blame(named(error, operation));
  }
}

/** What kernels on `device` may rely on. `info` is missing in browsers whose devices have no `adapterInfo`. */
export function capabilitiesOf(
  device: GPUDevice,
  info: GPUAdapterInfo | undefined,
  tuning: Tuning,
): Capabilities {
  const { vendor, architecture, subgroupMinSize, subgroupMaxSize } = info ?? {};
  return {
    features: [...device.features],
    ...(vendor && { vendor }),
    ...(architecture && { architecture }),
    ...(subgroupMinSize && { subgroupMinSize }),
    ...(subgroupMaxSize && { subgroupMaxSize }),
    software: isSoftwareAdapter(info),
    tuned: (task) => tuning.get(task)?.variant,
    allows: (task, variant) => tuning.allows(task, variant),
  };
}

/** Whether an adapter is a GPU emulated by the CPU. Firefox names none, but says that it is a fallback. */
export const isSoftwareAdapter = (info: GPUAdapterInfo | undefined): boolean =>
  info?.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(describeAdapter(info));

function named(error: GPUError, operation: string): WebgraftError {
  const message = `${operation}: ${error.message}`;
  if (error instanceof GPUOutOfMemoryError) return new OutOfMemoryError(message);
  if (error instanceof GPUValidationError) return new ValidationError(message);
  return new DeviceError(message);
}

/** The adapter's name in words; measurements are kept under it. */
export function describeAdapter(info: GPUAdapterInfo | undefined): string {
  const { vendor, architecture, device, description } = info ?? {};
  const parts = [vendor, architecture, device, description].filter(Boolean);
  return [...new Set(parts)].join(" ") || "unknown adapter";
}
