import { expect, it } from "vitest";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { testGpu } from "../support/run/gpu.ts";

const text = (value: number): string => `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> z: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = ${value}; }
@compute @workgroup_size(1) fn negative() { y[0] = -${value}; }`;

/** A kernel of somebody's own, which writes a number: always under the same name. */
const kernelOf = (wgsl: string, entryPoint = "main", bindings = ["y"]): Kernel => ({
  ...{ name: "fill", entryPoint, wgsl, sources: [["fill.wgsl", 1]] },
  bindings: bindings.map((name) => ({ name, access: "read_write", element: "f32" })),
  ...{ features: [], live: false, constants: {}, args: {}, workgroupSize: [1, 1, 1] },
});

/** What a kernel writes, on buffers for all of its bindings. */
async function run(kernel: Kernel): Promise<number> {
  const gpu = await testGpu();
  const { device, pipelines } = gpu;
  const pipeline = await pipelines.compile(kernel, {});
  return gpu.guard("run", async () => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
    const buffers = kernel.bindings.map(() => device.createBuffer({ size: 16, usage }));
    const staging = device.createBuffer({
      size: 16,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const layout = pipelines.bindGroupLayout(kernel);
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(buffers[0]!, 0, staging, 0, 16);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [value] = new Float32Array(staging.getMappedRange().slice(0));
    for (const buffer of [...buffers, staging]) buffer.destroy();
    return value!;
  });
}

it("kernels of one name run their own text", async () => {
  expect([await run(kernelOf(text(1))), await run(kernelOf(text(2)))]).toEqual([1, 2]);
});

it("kernels of one name and text run their own entry point", async () => {
  expect([await run(kernelOf(text(3))), await run(kernelOf(text(3), "negative"))]).toEqual([3, -3]);
});

it("kernels of one name and text take buffers for their own bindings", async () => {
  expect([await run(kernelOf(text(4))), await run(kernelOf(text(4), "main", ["y", "z"]))]).toEqual([4, 4]);
});

it("a kernel's pipeline is compiled once", async () => {
  const { pipelines } = await testGpu();
  const kernel = kernelOf(text(5));
  expect(pipelines.compile(kernel, {})).toBe(pipelines.compile({ ...kernel, name: "another" }, {}));
});

it("a pipeline that once could not be made may be made later", async () => {
  const { device, pipelines } = await testGpu();
  const { createComputePipelineAsync } = device;
  device.createComputePipelineAsync = async () => {
    throw new Error("no room");
  };
  await expect(pipelines.compile(kernelOf(text(6)), {})).rejects.toThrow("no room");
  device.createComputePipelineAsync = createComputePipelineAsync;
  expect(await run(kernelOf(text(6)))).toBe(6);
});

it("tells how many pipelines are ready, failed ones too, of those wanted", async () => {
  const { pipelines } = await testGpu();
  const told: (readonly [ready: number, wanted: number])[] = [];
  pipelines.onProgress = (ready, wanted) => told.push([ready, wanted]);
  try {
    const kernel = kernelOf(text(5));
    await Promise.all([pipelines.compile(kernel, {}), pipelines.compile(kernel, {})]);
    await expect(pipelines.compile(kernelOf("not WGSL"), {})).rejects.toThrow("fill");
    const [ready, wanted] = told[0]!;
    const since = told.map(([a, b]) => [a - ready, b - wanted + 1]);
    expect(since).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
      [2, 2],
    ]);
  } finally {
    pipelines.onProgress = undefined;
  }
});
