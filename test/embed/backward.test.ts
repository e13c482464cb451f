/** What `webgraft/kernels` has beside forward passes: gradients, bind groups made once, other layouts, descriptions. */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  addOp,
  conv2dOp,
  defineKernel,
  describeOp,
  elementwiseLossOp,
  fromNchw,
  fromOihw,
  fromPaddedOp,
  liveScalars,
  maxPool2dOp,
  pad,
  prepareBackward,
  prepareKernel,
  prepareOp,
  softmaxOp,
  toNchw,
  toOihw,
  toPaddedOp,
  unpad,
} from "webgraft/kernels";

let device: GPUDevice;
const uncaptured: string[] = [];

beforeAll(async () => {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  device = await adapter.requestDevice();
  device.addEventListener("uncapturederror", ({ error }) => uncaptured.push(error.message));
});
afterAll(() => {
  device.destroy();
  expect(uncaptured).toEqual([]);
});

const USAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

function upload(values: Float32Array): GPUBuffer {
  const buffer = device.createBuffer({ size: values.byteLength, usage: USAGE });
  device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
  return buffer;
}
const empty = (bytes: number): GPUBuffer => device.createBuffer({ size: bytes, usage: USAGE });

async function download(buffer: GPUBuffer): Promise<Float32Array> {
  const staging = device.createBuffer({ size: buffer.size, usage: 0x1 | 0x8 });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(1);
  return new Float32Array(staging.getMappedRange().slice(0));
}

function run(...all: readonly { encode(pass: GPUComputePassEncoder): void }[]): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const each of all) each.encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

const ramp = (length: number, turn = 7): Float32Array =>
  Float32Array.from({ length }, (_, i) => (i % turn) - Math.floor(turn / 2));
const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b);

const X = [1, 5, 4, 3] as const;
const W = [3, 3, 3, 2] as const;
const Y = [1, 3, 2, 2] as const;

/** The convolution of stride 2 and padding 1 in plain loops: calls back with the places that are multiplied. */
function products(visit: (x: number, w: number, y: number) => void): void {
  for (let y = 0; y < count(Y); y++) {
    const [p, q, k] = [Math.floor(y / 4), Math.floor(y / 2) % 2, y % 2];
    for (let tap = 0; tap < 27; tap++) {
      const [r, s, c] = [Math.floor(tap / 9), Math.floor(tap / 3) % 3, tap % 3];
      const [h, w] = [2 * p + r - 1, 2 * q + s - 1];
      if (h >= 0 && h < 5 && w >= 0 && w < 4) visit((h * 4 + w) * 3 + c, tap * 2 + k, y);
    }
  }
}

test("the gradients of a convolution, written or added, in bind groups that are made once", async () => {
  const [x, weight, dy] = [ramp(count(X)), ramp(count(W), 5), ramp(count(Y), 3)];
  const expected = { dx: new Float32Array(count(X)), dweight: new Float32Array(count(W)) };
  products((i, w, y) => {
    expected.dx[i]! += weight[w]! * dy[y]!;
    expected.dweight[w]! += x[i]! * dy[y]!;
  });
  const buffers = { x: upload(pad(x, X)), weight: upload(pad(weight, W)), dy: upload(pad(dy, Y)) };
  for (const accumulate of [false, true]) {
    const shapes = { x: X, weight: W };
    const options = { stride: 2, padding: 1 };
    const back = await prepareBackward(device, conv2dOp, shapes, options, { accumulate });
    expect(Object.keys(back.tensors).sort()).toEqual(["dweight", "dx", "dy", "weight", "x"]);
    const [dx, dweight] = [empty(back.bytes("dx")), empty(back.bytes("dweight"))];
    const bound = back.bind({ ...buffers, dx, dweight });
    run(bound, bound);
    const times = accumulate ? 2 : 1;
    expect([...unpad(await download(dx), X)]).toEqual([...expected.dx].map((v) => times * v));
    expect([...unpad(await download(dweight), W)]).toEqual([...expected.dweight].map((v) => times * v));
    back.destroy();
    expect(() => run(bound)).toThrow("PreparedOp: was destroyed");
  }
  const only = await prepareBackward(
    device,
    conv2dOp,
    { x: X, weight: W },
    { stride: 2, padding: 1 },
    {
      gradients: ["weight"],
    },
  );
  expect(Object.keys(only.tensors).sort()).toEqual(["dweight", "dy", "x"]);
  only.destroy();
});

test("gradients that are passed on are buffers of their own", async () => {
  const add = await prepareBackward(device, addOp, { a: [2, 4], b: [2, 4] }, {});
  const dy = upload(ramp(8));
  const [da, db] = [empty(32), empty(32)];
  run(add.bind({ dy, da, db }));
  expect([await download(da), await download(db)]).toEqual([ramp(8), ramp(8)]);
  add.destroy();
});

test("losses write their gradient in the forward pass", async () => {
  const inputs = { prediction: [2, 4], target: [2, 4] };
  const mse = await prepareOp(device, elementwiseLossOp, inputs, { name: "mse" }, { backward: true });
  await expect(prepareBackward(device, elementwiseLossOp, inputs, { name: "mse" })).rejects.toThrow(
    "elementwise_loss: its forward pass writes dprediction — prepareOp with { backward: true } prepares it",
  );
  const live = device.createBuffer({ size: 32, usage: 0x40 | 0x8 });
  device.queue.writeBuffer(live, 0, liveScalars({ step: 1, seed: 1, learningRate: 1 }));
  const [prediction, target] = [upload(ramp(8)), upload(new Float32Array(8))];
  const [loss, dprediction] = [empty(mse.bytes("loss")), empty(32)];
  run(mse.bind({ prediction, target, loss, dprediction, live }));
  expect(await download(dprediction)).toEqual(ramp(8).map((v) => v / 4));
  mse.destroy();
});

test("the gradient of a maximum needs its index alone", async () => {
  const pool = await prepareBackward(device, maxPool2dOp, { x: [1, 4, 4, 4] }, { kernelSize: 2 });
  expect(Object.keys(pool.tensors).sort()).toEqual(["dx", "dy", "index"]);
  pool.destroy();
});

test("what has no such gradient is refused", async () => {
  const prepare = (options: object, op: object = conv2dOp) =>
    prepareBackward(device, op as typeof conv2dOp, { x: X, weight: W }, { stride: 2 }, options);
  await expect(prepare({ gradients: ["bias"] })).rejects.toThrow(
    "conv2d: has no such input to differentiate — bias",
  );
  const { backward, ...plain } = conv2dOp;
  await expect(prepare({}, plain)).rejects.toThrow("conv2d: has no gradients — no backward");
  const half = { shape: [2, 4], dtype: "f16" } as const;
  const given = { gradients: ["x"] } as const;
  await expect(prepareBackward(device, softmaxOp, { x: half }, {}, given)).rejects.toThrow("x is f16");
});

test("options are the layers', and unknown ones are refused", async () => {
  const shapes = { x: X, weight: W };
  const same = await prepareOp(device, conv2dOp, shapes, { padding: "same" });
  expect(same.tensors.y!.shape).toEqual([1, 5, 4, 2]);
  // @ts-expect-error strid
  await expect(prepareOp(device, conv2dOp, shapes, { strid: 2 })).rejects.toThrow("has no such option");
  await expect(prepareOp(device, conv2dOp, shapes, { padding: -1 })).rejects.toThrow(
    "padding: must be whole numbers",
  );
  same.destroy();
});

test("a description has shapes, work, memory and limits", async () => {
  const conv = await prepareOp(device, conv2dOp, { x: X, weight: W }, { stride: 2, padding: 1 });
  const back = await prepareBackward(device, conv2dOp, { x: X, weight: W }, { stride: 2, padding: 1 });
  const { tensors, flops, bytes, limits, kernels } = describeOp(conv);
  expect(tensors).toEqual({
    x: { shape: X, dtype: "f32", bytes: 320 },
    weight: { shape: W, dtype: "f32", bytes: 432 },
    y: { shape: Y, dtype: "f32", bytes: 96 },
  });
  expect(flops).toBe(2 * count(Y) * 27);
  expect(describeOp(back).flops).toBe(2 * flops!);
  expect(bytes).toBeGreaterThanOrEqual(320 + 432 + 96);
  expect(kernels).toEqual(conv.dispatches.map(({ kernel }) => kernel.name));
  expect(limits.maxStorageBuffersPerShaderStage).toBeLessThanOrEqual(8);
  expect(limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(432);
  const softmax = await prepareOp(device, softmaxOp, { x: [2, 5] }, {});
  expect(describeOp(softmax)).toMatchObject({ name: "softmax", workspaceBytes: 0 });
  expect(describeOp(softmax)).not.toHaveProperty("flops");
  for (const each of [conv, back, softmax]) each.destroy();
});

test("other layouts, by functions and on the GPU", async () => {
  const shape = [2, 3, 5, 6] as const;
  const plain = Float32Array.from({ length: count(shape) }, (_, i) => i);
  for (const [from, pack, back] of [
    ["nchw", fromNchw, toNchw],
    ["oihw", fromOihw, toOihw],
  ] as const) {
    const packed = pack(plain, shape);
    expect(back(packed, shape)).toEqual(plain);
    const to = await prepareOp(device, toPaddedOp, { x: [plain.length] }, { from, shape });
    const padded = empty(to.bytes("y"));
    run(to.bind({ x: upload(plain), y: padded }));
    expect(await download(padded)).toEqual(packed);
    const away = await prepareOp(device, fromPaddedOp, { x: shape }, { to: from });
    const y = empty(away.bytes("y"));
    run(away.bind({ x: padded, y }));
    expect(await download(y)).toEqual(plain);
    for (const each of [to, away]) each.destroy();
  }
  // (n, h, w, c) = (0, 0, 1, 2) of NCHW; (r, s, c, k) = (0, 1, 2, 3) of OIHW.
  expect(fromNchw(plain, shape)[8 + 2]).toBe(2 * 15 + 1);
  expect(fromOihw(plain, shape)[(1 * 5 + 2) * 8 + 3]).toBe((3 * 5 + 2) * 6 + 1);
  expect(() => fromNchw(plain.subarray(1), shape)).toThrow(
    "fromNchw: (2, 3, 5, 6) has 180 numbers — got 179",
  );
});

test("a kernel of an app's own, whose errors have the line", async () => {
  const wgsl = /* wgsl */ `
struct Args { FACTOR: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> args: Args;
@compute @workgroup_size(4)
fn times(@builtin(global_invocation_id) id: vec3u) { y[id.x] = args.FACTOR * x[id.x]; }`;
  const times = await prepareKernel(device, defineKernel(wgsl), { FACTOR: 3 });
  const y = empty(32);
  const bound = times.bind({ x: upload(ramp(8)), y }, [2, 1, 1]);
  run(bound);
  expect(await download(y)).toEqual(ramp(8).map((v) => 3 * v));
  times.destroy();
  expect(() => run(bound)).toThrow("PreparedKernel: was destroyed");
  const broken = defineKernel(wgsl.replace("* x[id.x]", "* z[id.x]") as typeof wgsl);
  await expect(prepareKernel(device, broken, { FACTOR: 3 })).rejects.toThrow(/^times: line 7:\d+: /);
});
