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

export interface DeviceOptions {
  readonly powerPreference?: GPUPowerPreference;
  /** Where WebGPU comes from; default `navigator.gpu`. */
  readonly gpu?: GPU;
}

/** Optional features that the profiler, kernels for activations in f16 and kernels as they are use where they exist. */
const FEATURES: ReadonlySet<string> = new Set(["timestamp-query", "shader-f16", ...KERNEL_FEATURES]);

/**
 * Opens the GPU with its own limits instead of WebGPU's small defaults.
 * Throws DeviceError where there is no WebGPU or no adapter.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Gpu> {
  const { powerPreference = "high-performance", gpu = globalThis.navigator?.gpu } = options;
  if (!gpu) {
    throw new DeviceError(
      "openDevice: this environment has no WebGPU — use a current Chrome, Edge, Firefox or Safari, and a " +
        "secure context (https or localhost)",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (!adapter)
    throw new DeviceError("openDevice: WebGPU is there, but no adapter — check the graphics driver");
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

/** A GPUDevice with what the library keeps for it: compiled pipelines, limits, and how it failed. */
export class Gpu {
  readonly device: GPUDevice;
  /** Vendor, architecture and description, for people and for the tuner's keys. */
  readonly adapter: string;
  readonly limits: MemoryLimits;
  /** What kernels may count on; a graph takes it as `device`. */
  readonly capabilities: Capabilities;
  readonly pipelines: Pipelines;
  /** Measurements of this device; graphs that are made with its `capabilities` follow them. Empty at first. */
  readonly tuning: Tuning;
  /** Rejects when the device is lost or refuses a command outside `guard`. */
  readonly failed: Promise<never>;
  #failure: WebgraftError | undefined;

  /** Wraps a device of the caller's own; `openDevice()` is the usual way. */
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
    this.failed.catch(() => {}); // Whoever waits for work sees it; nobody waiting is no error.
  }

  /** What a graph is to be made with, so that its kernels and arenas suit this device. */
  get graphOptions(): { readonly device: Capabilities; readonly maxBindingBytes: number } {
    return { device: this.capabilities, maxBindingBytes: this.limits.maxBindingBytes };
  }

  /** Throws what broke the device, if something did. */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Throws what broke the device, or else `error`. A lost device aborts what is pending before it says that it
   * is lost, so it gets a moment to say it.
   */
  async blame(error: unknown): Promise<never> {
    await Promise.race([this.failed, new Promise((resolve) => setTimeout(resolve, 100))]);
    throw error;
  }

  /** Runs GPU calls and throws what WebGPU has against them, as a named error that begins with `operation`. */
  async guard<T>(operation: string, run: () => T | Promise<T>): Promise<T> {
    this.check();
    const { device } = this;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("internal");
    // Only the calls made at once are inside the scopes; what is awaited after them reports for itself.
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

  /** Gives the device and all its memory back. */
  destroy(): void {
    this.device.destroy();
  }
}

/** What kernels on `device` may count on. `info` is missing in browsers where a device does not know its adapter. */
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

/** An adapter in words, by which its measurements are kept. */
export function describeAdapter(info: GPUAdapterInfo | undefined): string {
  const { vendor, architecture, device, description } = info ?? {};
  const parts = [vendor, architecture, device, description].filter(Boolean);
  return [...new Set(parts)].join(" ") || "unknown adapter";
}
