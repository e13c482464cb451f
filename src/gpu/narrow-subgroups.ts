/** Largest size that leaves an invocation more registers than the driver's own choice does. */
const NARROW = 16;

/**
 * The smallest size of subgroups that a compute shader may ask for, if there is one that frees registers: only on Intel,
 * whose compiler otherwise takes twice as many lanes as there are registers for. WebGPU tells sizes of which compute
 * shaders need not support each, so it is tried out.
 */
export async function narrowSubgroups(device: GPUDevice, info: GPUAdapterInfo): Promise<number | undefined> {
  if (info.vendor !== "intel" || !device.features.has("subgroup-size-control")) return undefined;
  for (let size = info.subgroupMinSize ?? NARROW; size <= NARROW; size *= 2) {
    const code = `enable subgroups;enable subgroup_size_control;
      @compute @subgroup_size(${size}) @workgroup_size(64) fn main() {}`;
    device.pushErrorScope("validation");
    try {
      const module = device.createShaderModule({ code });
      await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
      return size;
    } catch {
      // Not this one.
    } finally {
      await device.popErrorScope();
    }
  }
  return undefined;
}
