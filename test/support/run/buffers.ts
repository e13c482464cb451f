/** Counts the buffers of a device that were made from now on and are not destroyed. */
export function countBuffers(device: GPUDevice): {
  readonly alive: () => string[];
  readonly stop: () => void;
} {
  const alive = new Set<GPUBuffer>();
  const create = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = create.call(device, descriptor);
    const destroy = buffer.destroy;
    alive.add(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy.call(buffer);
    };
    return buffer;
  };
  return {
    alive: () => [...alive].map(({ label }) => label),
    stop() {
      device.createBuffer = create;
    },
  };
}
