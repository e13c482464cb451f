/** Largest size that leaves an invocation more registers than the driver's own choice does. */
const NARROW = 16;

const known = new WeakMap<GPUDevice, Promise<number | undefined>>();

/**
 * The smallest size of subgroups that a compute shader may ask for, if there is one that frees registers: only on Intel,
 * whose compiler otherwise takes twice as many lanes as there are registers for. WebGPU tells sizes of which compute
 * shaders need not support each, so it is tried out, once a device.
 */
export function narrowSubgroups(
  device: GPUDevice,
  info: GPUAdapterInfo | undefined,
): Promise<number | undefined> {
  const size = known.get(device) ?? tryOut(device, info);
  known.set(device, size);
  return size;
}

async function tryOut(device: GPUDevice, info: GPUAdapterInfo | undefined): Promise<number | undefined> {
  if (info?.vendor !== "intel" || !device.features.has("subgroup-size-control")) return undefined;
  for (let size = info.subgroupMinSize ?? NARROW; size <= NARROW; size *= 2) {
    const code = `enable subgroups;enable subgroup_size_control;
      @compute @subgroup_size(${size}) @workgroup_size(64) fn main() {}`;
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    // Dropped, the pipeline's error says as much; and at once, for the device may be an app's, which has scopes of its own.
    device.popErrorScope().catch(() => {});
    try {
      await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
      return size;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}
