/** `webgraft/node`: WebGPU where a runtime lacks it, in Node by the npm package `webgpu`, which is Dawn, Chrome's. */
import { DeviceError } from "../base/errors.ts";

/**
 * Sets the globals of WebGPU, `navigator.gpu` and constants such as `GPUBufferUsage`, unless they are there, as they are in
 * Deno and in pages. `flags` are those of `create` in `webgpu`, such as `["backend=vulkan"]`, or
 * `["enable-dawn-features=allow_unsafe_apis"]` for matrix units. Call it once, before `openDevice`. Throws DeviceError where the package `webgpu` is missing.
 */
export async function installWebGpu(flags: readonly string[] = []): Promise<void> {
  if (globalThis.navigator?.gpu) return;
  const { create, globals } = await import("webgpu").catch((error: Error) => {
    throw new DeviceError(
      `installWebGpu: the package webgpu cannot be loaded — npm install webgpu (${error.message})`,
    );
  });
  Object.assign(globalThis, globals);
  if (!globalThis.navigator) {
    // As Node has it from 21 on; measurements of kernels are kept by it.
    const value = { userAgent: `Node.js/${process.versions.node.split(".", 1)}` };
    Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  }
  // Kept reachable: Dawn ends with this object, whatever its devices are doing.
  Object.defineProperty(navigator, "gpu", { value: create([...flags]), configurable: true });
}
