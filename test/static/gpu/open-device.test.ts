import { describe, expect, it } from "vitest";
import { DeviceError } from "../../../src/base/errors.ts";
import { openDevice } from "../../../src/gpu/device.ts";

/** WebGPU with one adapter, which answers requests for a device so. */
function gpuWith(limits: object, requestDevice: (descriptor: GPUDeviceDescriptor) => Promise<unknown>): GPU {
  const info = { vendor: "acme", architecture: "", device: "", description: "" };
  const adapter = { features: new Set(), limits, info, requestDevice };
  return { requestAdapter: async () => adapter } as unknown as GPU;
}

/** As far as `Gpu` looks at it. */
const device = {
  features: new Set(),
  limits: { maxBufferSize: 1024, maxStorageBufferBindingSize: 512 },
  lost: new Promise(() => {}),
};

describe("openDevice", () => {
  it("says which adapter gives no device, and why", async () => {
    const gpu = gpuWith({}, () => Promise.reject(new Error("too many devices")));
    const failed = openDevice({ gpu });
    await expect(failed).rejects.toThrow(DeviceError);
    await expect(failed).rejects.toThrow("acme gave no device — too many devices");
  });

  it("names all limits where WebGPU fills in defaults that the adapter lacks, as bun-webgpu does", async () => {
    const limits = {
      maxBufferSize: 1024,
      maxStorageBufferBindingSize: 512,
      maxStorageBuffersInVertexStage: 0,
    };
    const asked: unknown[] = [];
    const gpu = gpuWith(limits, async ({ requiredLimits }) => {
      asked.push(requiredLimits);
      const { maxStorageBuffersInVertexStage: given = 8 } = requiredLimits as Partial<typeof limits>;
      if (given > limits.maxStorageBuffersInVertexStage)
        throw new Error("Value must be between 0 and 0, got 8");
      return device;
    });
    expect((await openDevice({ gpu })).device).toBe(device);
    expect(asked).toEqual([{ maxBufferSize: 1024, maxStorageBufferBindingSize: 512 }, limits]);
  });

  it("asks a browser once, whose limits are getters", async () => {
    let asked = 0;
    class Limits {
      get maxBufferSize() {
        return 1024;
      }
      get maxStorageBufferBindingSize() {
        return 512;
      }
    }
    const gpu = gpuWith(new Limits(), () => {
      asked++;
      return Promise.reject(new Error("no"));
    });
    await expect(openDevice({ gpu })).rejects.toThrow(DeviceError);
    expect(asked).toBe(1);
  });
});
