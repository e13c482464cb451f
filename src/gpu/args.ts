import { argsBytes, packArgs, withArgs } from "../kernel/args.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** Uniforms are bound at multiples of this many bytes (WebGPU's default minUniformBufferOffsetAlignment). */
const ALIGNMENT = 256;

/** The `args` uniforms of launches in one buffer; equal ones share a place. */
export class LaunchArgs {
  readonly #ranges: readonly (Required<GPUBufferBinding> | undefined)[];
  readonly #kernels: readonly Kernel[];
  readonly #buffer: GPUBuffer | undefined;

  constructor(
    device: GPUDevice,
    launches: readonly { readonly kernel: Kernel; readonly constants: Readonly<Record<string, number>> }[],
  ) {
    this.#kernels = launches.map(({ kernel }) => kernel);
    const places = new Map<string, number>();
    const contents: ArrayBuffer[] = [];
    const numbers = launches.map(({ kernel, constants }) => {
      const size = argsBytes(kernel);
      if (size === 0) return undefined;
      const bytes = new ArrayBuffer(size);
      packArgs(kernel, constants, new DataView(bytes));
      const key = new Uint32Array(bytes).join();
      let place = places.get(key);
      if (place === undefined) {
        place = contents.push(bytes) - 1;
        places.set(key, place);
      }
      return place;
    });
    if (contents.length > 0) {
      const all = new Uint8Array(ALIGNMENT * contents.length);
      contents.forEach((bytes, i) => {
        all.set(new Uint8Array(bytes), ALIGNMENT * i);
      });
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      this.#buffer = device.createBuffer({ label: "args", size: all.length, usage });
      device.queue.writeBuffer(this.#buffer, 0, all);
    }
    this.#ranges = numbers.map((number) =>
      number === undefined
        ? undefined
        : { buffer: this.#buffer!, offset: ALIGNMENT * number, size: contents[number]!.byteLength },
    );
  }

  /** Bind group entries of launch number `i`: the buffers of its bindings and, where its kernel has args, their uniform. */
  entries(i: number, buffers: readonly GPUBufferBinding[]): GPUBindGroupEntry[] {
    const args = this.#ranges[i];
    const all = args ? withArgs(this.#kernels[i]!, buffers, args) : buffers;
    return all.map((resource, binding) => ({ binding, resource }));
  }

  destroy(): void {
    this.#buffer?.destroy();
  }
}
