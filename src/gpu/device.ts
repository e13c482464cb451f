import {
  DeviceError,
  DeviceLostError,
  OutOfMemoryError,
  ValidationError,
  WebgraftError,
} from "../base/errors.ts";
import type { Capabilities } from "../kernel/capabilities.ts";
import { KERNEL_FEATURES } from "../kernel/constants.gen.ts";
import type { MemoryLimits } from "../plan/memory.ts";
import { DEFAULT_LIMITS } from "../plan/plan.ts";
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
}

export interface DeviceOptions {
  readonly powerPreference?: "low-power" | "high-performance";
  /** WebGPU's entry point. Default `navigator.gpu`. */
  readonly gpu?: GPU;
}

/** Optional features, requested where the adapter has them: for the profiler, f16 activations and some kernels. */
const FEATURES: ReadonlySet<string> = new Set(["timestamp-query", "shader-f16", ...KERNEL_FEATURES]);

/**
 * Opens the GPU with its own limits instead of WebGPU's small defaults.
 * Throws DeviceError where there is no WebGPU or no adapter.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Gpu> {
  const { powerPreference = "high-performance", gpu = globalThis.navigator?.gpu } = options;
  if (!gpu) {
    throw new DeviceError(
      "openDevice: this environment has no WebGPU — use a current Chrome, Edge, Firefox or Safari, in a " +
        "secure context (https or localhost)",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter) throw new DeviceError("openDevice: WebGPU found no adapter — check the graphics driver");
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    label: "webgraft",
    requiredFeatures: [...FEATURES].filter((feature): feature is GPUFeatureName =>
      adapter.features.has(feature),
    ),
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    },
  });
  return new Gpu(device, adapter.info);
}

/** A GPUDevice with its compiled pipelines, limits and measurements, and how it failed. */
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
  /** Rejects when the device is lost or refuses a command outside `guard`. */
  readonly failed: Promise<never>;
  #failure: WebgraftError | undefined;

  /** Wraps a device that the caller opened; `openDevice()` is the usual way. */
  constructor(device: GPUDevice, info: GPUAdapterInfo = device.adapterInfo) {
    this.device = device;
    this.adapter = describeAdapter(info);
    this.tuning = new Tuning(this.adapter);
    this.capabilities = capabilitiesOf(device, info, this.tuning);
    this.limits = {
      maxBindingBytes: Math.max(device.limits.maxStorageBufferBindingSize, DEFAULT_LIMITS.maxBindingBytes),
      maxBufferBytes: Math.max(device.limits.maxBufferSize, DEFAULT_LIMITS.maxBufferBytes),
    };
    this.pipelines = new Pipelines(this);
    this.failed = new Promise((_, reject) => {
      const fail = (error: WebgraftError): void => {
        this.#failure ??= error;
        reject(this.#failure);
      };
      device.lost.then(({ reason, message }) =>
        fail(
          new DeviceLostError(
            `the GPU device was lost (${reason || "unknown"}): ${message || "no reason given"}`,
          ),
        ),
      );
      device.addEventListener("uncapturederror", ({ error }) => fail(named(error, "GPU")));
    });
    this.failed.catch(() => {}); // Callers waiting for work see it; if nobody waits, that is no error.
  }

  /** Options for graphs, so that their kernels and arenas suit this device. */
  get graphOptions(): { readonly device: Capabilities; readonly maxBindingBytes: number } {
    return { device: this.capabilities, maxBindingBytes: this.limits.maxBindingBytes };
  }

  /** Throws the error that broke the device, if any. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Throws the error that broke the device, or else `error`. A lost device aborts pending work before it reports
   * the loss, so wait a moment for the report.
   */
  async blame(error: unknown): Promise<never> {
    await Promise.race([this.failed, new Promise((resolve) => setTimeout(resolve, 100))]);
    throw error;
  }

  /** Runs GPU calls and throws WebGPU's complaint, if any, as a named error whose message begins with `operation`. */
  async guard<T>(operation: string, run: () => T | Promise<T>): Promise<T> {
    this.check();
    const { device } = this;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("internal");
    // The scopes cover only the calls `run` makes before its first await; later ones report for themselves.
    let pending: Promise<T>;
    try {
      pending = Promise.resolve(run());
    } catch (error) {
      pending = Promise.reject(error);
    }
    const scopes = [device.popErrorScope(), device.popErrorScope(), device.popErrorScope()];
    try {
      const [result, ...errors] = await Promise.all([pending, ...scopes]);
      for (const error of errors) if (error) throw named(error, operation);
      return result;
    } catch (error) {
      if (error instanceof WebgraftError) throw error;
      return await this.blame(error);
    }
  }

  /** Destroys the device and frees all its memory. */
  destroy(): void {
    this.device.destroy();
  }
}

/** What kernels on `device` may rely on. `info` is missing in browsers whose devices have no `adapterInfo`. */
export function capabilitiesOf(
  device: GPUDevice,
  info: GPUAdapterInfo | undefined,
  tuning: Tuning,
): Capabilities {
  const subgroupMaxSize = info?.subgroupMaxSize;
  return {
    features: [...device.features],
    ...(subgroupMaxSize && { subgroupMaxSize }),
    software: info?.isFallbackAdapter === true || /swiftshader|llvmpipe/i.test(describeAdapter(info)),
    tuned: (task) => tuning.get(task)?.variant,
  };
}

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
