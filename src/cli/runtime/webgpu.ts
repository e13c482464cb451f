/** Puts WebGPU in place where it is missing: in Node. Deno and pages have it. */
export async function installWebGpu(): Promise<void> {
  if (globalThis.navigator?.gpu) return;
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  if (!globalThis.navigator) {
    // As Node has it from 21 on; measurements of kernels are kept by it.
    const value = { userAgent: `Node.js/${process.versions.node.split(".", 1)}` };
    Object.defineProperty(globalThis, "navigator", { value, configurable: true });
  }
  // With experimental features, which browsers have behind a flag: matrix units are one.
  const value = create(["enable-dawn-features=allow_unsafe_apis"]);
  // Kept reachable: Dawn ends with this object, whatever its devices are doing.
  Object.defineProperty(navigator, "gpu", { value, configurable: true });
}
