/** Kernels on one device with other libraries, which go on working. */
import { expect, test } from "vitest";
import { addOp, conv2dOp, prepareOp } from "webgraft/kernels";

const newDevice = async (): Promise<{ device: GPUDevice; errors: string[] }> => {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  const device = await adapter.requestDevice();
  const errors: string[] = [];
  device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
  return { device, errors };
};

const STORAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

/** What a 1×1 convolution of ones by ones gives: the number of channels. */
async function convolve(device: GPUDevice): Promise<Float32Array> {
  const conv = await prepareOp(device, conv2dOp, { x: [1, 2, 2, 4], weight: [1, 1, 4, 4] }, {});
  const buffer = (size: number, usage = STORAGE): GPUBuffer => device.createBuffer({ size, usage });
  const [x, weight, y] = [buffer(64), buffer(64), buffer(64)];
  for (const each of [x, weight]) device.queue.writeBuffer(each, 0, new Float32Array(16).fill(1));
  const read = buffer(64, 0x1 | 0x8);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  conv.bind({ x, weight, y }).encode(pass);
  pass.end();
  encoder.copyBufferToBuffer(y, 0, read, 0, 64);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(1);
  const result = new Float32Array(read.getMappedRange().slice(0));
  conv.destroy();
  return result;
}

test("three.js renders the same frame before and after kernels run on its device", async () => {
  const {
    Color,
    Mesh,
    MeshBasicNodeMaterial,
    OrthographicCamera,
    PlaneGeometry,
    RenderTarget,
    Scene,
    WebGPURenderer,
  } = await import("three/webgpu");
  const { device, errors } = await newDevice();
  const canvas = document.createElement("canvas");
  const renderer = new WebGPURenderer({ canvas, device, antialias: false });
  await renderer.init();
  const scene = new Scene();
  scene.background = new Color(0, 0, 1);
  // The right half of the picture.
  const half = new Mesh(new PlaneGeometry(1, 2), new MeshBasicNodeMaterial({ color: new Color(1, 0, 0) }));
  half.position.x = 0.5;
  scene.add(half);
  const camera = new OrthographicCamera(-1, 1, 1, -1, 0, 2);
  camera.position.z = 1;
  const size = 16;
  const target = new RenderTarget(size, size);
  renderer.setRenderTarget(target);
  const frame = async (): Promise<number[]> => {
    renderer.render(scene, camera);
    return [...((await renderer.readRenderTargetPixelsAsync(target, 0, 0, size, size)) as Uint8Array)];
  };
  const before = await frame();
  expect(before.slice(0, 3)).toEqual([0, 0, 255]);
  expect(before.slice(4 * (size - 1), 4 * (size - 1) + 3)).toEqual([255, 0, 0]);
  expect([...(await convolve(device))]).toEqual(Array(16).fill(4));
  expect(await frame()).toEqual(before);
  expect(errors).toEqual([]);
  renderer.dispose();
  device.destroy();
});

test("TypeGPU's buffers are those of an op", async () => {
  const { default: tgpu } = await import("typegpu");
  const { arrayOf, f32 } = await import("typegpu/data");
  const { device, errors } = await newDevice();
  const root = tgpu.initFromDevice({ device });
  const schema = arrayOf(f32, 8);
  const make = (values: number[]) => root.createBuffer(schema, values).$usage("storage");
  const [a, b, y] = [make([1, 2, 3, 4, 5, 6, 7, 8]), make([8, 7, 6, 5, 4, 3, 2, 1]), make(Array(8).fill(0))];
  const add = await prepareOp(device, addOp, { a: [2, 4], b: [2, 4] }, {});
  const bound = add.bind({ a: root.unwrap(a), b: root.unwrap(b), y: root.unwrap(y) });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  bound.encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
  expect(await y.read()).toEqual(Array(8).fill(9));
  a.write([0, 0, 0, 0, 0, 0, 0, 0]);
  expect(await a.read()).toEqual(Array(8).fill(0));
  expect(errors).toEqual([]);
  add.destroy();
  device.destroy();
});
