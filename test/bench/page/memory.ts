/** Counts the bytes of GPU buffers by wrapping their methods. Import it before anything opens a device. */
interface Ledger {
  live: number;
  peak: number;
}

const ledgers = new Map<GPUDevice, Ledger>();
const owners = new WeakMap<GPUBuffer, GPUDevice>();

const { createBuffer } = GPUDevice.prototype;
GPUDevice.prototype.createBuffer = function (descriptor) {
  const buffer = createBuffer.call(this, descriptor);
  const ledger = ledgers.get(this) ?? { live: 0, peak: 0 };
  ledger.live += buffer.size;
  ledger.peak = Math.max(ledger.peak, ledger.live);
  ledgers.set(this, ledger);
  owners.set(buffer, this);
  return buffer;
};

const { destroy } = GPUBuffer.prototype;
GPUBuffer.prototype.destroy = function () {
  const owner = owners.get(this);
  // A buffer may be destroyed twice.
  owners.delete(this);
  if (owner) ledgers.get(owner)!.live -= this.size;
  return destroy.call(this);
};

/** The devices that have had buffers so far. */
export const knownDevices = (): ReadonlySet<GPUDevice> => new Set(ledgers.keys());

/** The sum over these devices of the most bytes alive at once. */
export function peakBytes(devices: Iterable<GPUDevice>): number {
  let bytes = 0;
  for (const device of devices) bytes += ledgers.get(device)!.peak;
  return bytes;
}
