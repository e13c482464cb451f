import { afterAll, beforeAll, expect, test } from "vitest";
import { Gpu } from "webgraft";
import {
  accumulate,
  activation_forward,
  activationOp,
  addOp,
  channel_sum,
  conv2dOp,
  dropout as dropoutKernel,
  grid,
  pad,
  prepareKernel,
  prepareOp,
  unpad,
} from "webgraft/kernels";
import { smallTask } from "../support/models/tuning.ts";

// As an app would: a device, buffers and passes of its own, and nothing of the library but this one door.
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

function upload(values: Float32Array, offset = 0): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: offset + values.byteLength, usage });
  device.queue.writeBuffer(buffer, offset, values as Float32Array<ArrayBuffer>);
  return buffer;
}

async function download(buffer: GPUBuffer): Promise<Float32Array> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ size: buffer.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange().slice(0));
}

function run(encode: (pass: GPUComputePassEncoder) => void): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

const ramp = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => (i % 7) - 3);

test("a kernel, with part of a buffer as its input, twice in one pass", async () => {
  const kernel = activation_forward;
  const relu = await prepareKernel(device, kernel, { LENGTH: 4, C: 4, ACTIVATION: 1, ALPHA: 0 });
  const input = upload(ramp(16), 256);
  const [first, second] = [upload(new Float32Array(16)), upload(new Float32Array(16))];
  run((pass) => {
    relu.encode(pass, { x: { buffer: input, offset: 256 }, y: first }, grid(4, kernel));
    relu.encode(pass, { x: first, y: second }, grid(4, kernel));
  });
  expect(await download(second)).toEqual(ramp(16).map((v) => Math.max(v, 0)));
});

test("a kernel for two shapes, which share a pipeline", async () => {
  const kernel = channel_sum;
  const shapes = [
    { ROWS: 4, C: 4, SPLITS: 1 },
    { ROWS: 2, C: 8, SPLITS: 1 },
  ];
  const prepared = await Promise.all(shapes.map((shape) => prepareKernel(device, kernel, shape)));
  expect(prepared[0]!.pipeline).toBe(prepared[1]!.pipeline);
  const x = upload(ramp(16));
  const sums = prepared.map((_, i) => upload(new Float32Array(shapes[i]!.C)));
  run((pass) => {
    prepared.forEach((sum, i) => {
      sum.encode(pass, { x, y: sums[i]! }, grid(shapes[i]!.C / 4, kernel));
    });
  });
  const expected = (columns: number): number[] =>
    Array.from({ length: columns }, (_, c) =>
      ramp(16).reduce((sum, v, i) => (i % columns === c ? sum + v : sum), 0),
    );
  for (const [i, { C }] of shapes.entries()) expect([...(await download(sums[i]!))]).toEqual(expected(C));
  for (const sum of prepared) sum.destroy();
});

test("misspelt bindings and constants do not compile", async () => {
  const kernel = accumulate;
  // @ts-expect-error LENGHT
  await expect(prepareKernel(device, kernel, { LENGHT: 4, ACCUMULATE: 0 })).rejects.toThrow(/accumulate/);
  const prepared = await prepareKernel(device, kernel, { LENGTH: 4, ACCUMULATE: 0 });
  const [x, y] = [upload(ramp(16)), upload(ramp(16))];
  // @ts-expect-error z
  const encode = () => run((pass) => prepared.encode(pass, { x, z: y }, [1, 1, 1]));
  expect(encode).toThrow(
    'accumulate: needs a buffer for "y", 16 bytes or more — got one for "z" — it takes x, y',
  );
});

test("a shader error names file and line", async () => {
  const { wgsl } = accumulate;
  const broken = {
    ...accumulate,
    name: "broken",
    wgsl: wgsl.replace("vec4f(x[i])", "vec4f(z[i])"),
  };
  const line = wgsl.split("\n").findIndex((text) => text.includes("vec4f(x[i])")) + 1;
  await expect(prepareKernel(device, broken, { LENGTH: 4, ACCUMULATE: 0 })).rejects.toThrow(
    new RegExp(`shaders/elementwise/accumulate\\.wgsl:${line}:`),
  );
});

test("an op on tensors in f16 is refused by a device that was made without shader-f16", async () => {
  const half = { shape: [3, 8], dtype: "f16" } as const;
  const refused = /^add_forward_half_a_b_y: shaders\/elementwise\/add_forward\.wgsl:1:/;
  await expect(prepareOp(device, addOp, { a: half, b: half }, {})).rejects.toThrow(refused);
});

test("a whole op: a convolution on buffers of the app", async () => {
  const [H, W, C, K] = [5, 4, 3, 2];
  const attrs = { stride: [2, 2], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
  const conv = await prepareOp(device, conv2dOp, { x: [1, H, W, C], weight: [3, 3, C, K] }, attrs);
  const { y } = conv.tensors;
  expect(y!.shape).toEqual([1, 3, 2, K]);
  expect(conv.dispatches.map(({ kernel }) => kernel.name).join()).toMatch(/conv2d/);

  const values = { x: ramp(H * W * C), weight: ramp(9 * C * K) };
  const x = upload(pad(values.x, [1, H, W, C]));
  const weight = upload(pad(values.weight, [3, 3, C, K]));
  const out = upload(new Float32Array(conv.bytes("y") / 4));
  expect([x.size, weight.size]).toEqual([conv.bytes("x"), conv.bytes("weight")]);
  run((pass) => conv.encode(pass, { x, weight, y: out }));

  const expected: number[] = [];
  for (let p = 0; p < 3; p++) {
    for (let q = 0; q < 2; q++) {
      for (let k = 0; k < K; k++) {
        let sum = 0;
        for (let r = 0; r < 3; r++) {
          for (let s = 0; s < 3; s++) {
            const [h, w] = [2 * p + r - 1, 2 * q + s - 1];
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            for (let c = 0; c < C; c++) {
              sum += values.x[(h * W + w) * C + c]! * values.weight[((r * 3 + s) * C + c) * K + k]!;
            }
          }
        }
        expected.push(sum);
      }
    }
  }
  // Small whole numbers: exact in f32 in any order.
  expect([...unpad(await download(out), y!.shape)]).toEqual(expected);

  run((pass) => {
    const small = upload(new Float32Array(4));
    expect(() => conv.encode(pass, { x, weight, y: small })).toThrow("y needs 96 bytes — got 16 bytes");
    expect(() => conv.encode(pass, { x, weight })).toThrow(
      'needs a buffer for "y", 96 bytes or more — got none',
    );
    // @ts-expect-error wieght
    expect(() => conv.encode(pass, { x, wieght: weight, y: out })).toThrow(
      'conv2d: needs a buffer for "weight", 432 bytes or more — got one for "wieght" — it takes x, weight, y',
    );
  });
  conv.destroy();
});

test("an op takes the variant that was measured for its shapes", async () => {
  const task = smallTask("forward");
  const shapes = { x: [2, 6, 6, 5], weight: [3, 3, 5, 7] } as const;
  const attrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 } as const;
  const { tuning, capabilities } = new Gpu(device);
  const results: number[][] = [];
  const names = task.variants(capabilities).map(({ name }) => name);
  expect(names.length).toBeGreaterThan(2);
  for (const variant of names.slice(0, 3)) {
    tuning.set(task, { variant, milliseconds: 1, gain: 1 });
    const conv = await prepareOp(device, conv2dOp, shapes, attrs, { tuning: tuning.export() });
    expect(conv.dispatches.map(({ kernel }) => kernel.name).join()).toContain(variant);
    const inputs = {
      x: upload(pad(ramp(2 * 6 * 6 * 5), shapes.x)),
      weight: upload(pad(ramp(9 * 5 * 7), shapes.weight)),
    };
    const y = upload(new Float32Array(conv.bytes("y") / 4));
    run((pass) => conv.encode(pass, { ...inputs, y }));
    results.push([...(await download(y))]);
    conv.destroy();
  }
  for (const result of results) expect(result).toEqual(results[0]);

  const other = { ...tuning.export(), device: "another" };
  const untuned = await prepareOp(device, conv2dOp, shapes, attrs, { tuning: other });
  expect(untuned.dispatches.map(({ kernel }) => kernel.name).join()).toContain(names[0]);
  await expect(
    // @ts-expect-error no table
    prepareOp(device, conv2dOp, shapes, attrs, { tuning: { format: "of another program" } }),
  ).rejects.toThrow("tuning table: format must be webgraft-tuning-2");
});

test("shapes that do not fit are refused before any GPU work", async () => {
  const attrs = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
  await expect(prepareOp(device, conv2dOp, { x: [1, 8, 8, 4], weight: [3, 3, 5, 8] }, attrs)).rejects.toThrow(
    /^conv2d: /,
  );
});

test("buffers that WebGPU would refuse are named before it is asked", async () => {
  const kernel = accumulate;
  const add = await prepareKernel(device, kernel, { LENGTH: 4, ACCUMULATE: 0 });
  const [x, y] = [upload(new Float32Array(256)), upload(new Float32Array(256))];
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const other = device.createBuffer({ size: 64, usage });
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ x, y, z: y }, /takes no buffer for "z" — it takes x, y/],
    [{ x, y: "y" }, /y must be a GPUBuffer, or \{ buffer, offset, size \} — got y/],
    [{ x: { offset: 0 }, y }, /x must be a GPUBuffer/],
    [{ x: { buffer: x, offset: 128 }, y }, /x must begin at a multiple of 256 bytes — got offset 128/],
    [{ x: { buffer: x, offset: 1024 }, y }, /x needs 16 bytes — got 0 bytes/],
    [
      { x: { buffer: x, size: 2048 }, y },
      /x must lie within its buffer — got offset 0 and size 2048 in 1024/,
    ],
    [{ x: { buffer: x, size: 18 }, y }, /x must have a multiple of 4 bytes — got 18 bytes/],
    [{ x: other, y }, /x needs a buffer with GPUBufferUsage\.STORAGE — got usage COPY_SRC \| COPY_DST/],
    [{ x, y: x }, /x and y must be in different buffers.* — got bytes 0–1024 and bytes 0–1024/],
    [
      { x: { buffer: x, size: 256 }, y: { buffer: x, offset: 256 } },
      /x and y must be in different buffers, since one is read and one is written/,
    ],
  ];
  const conv = await prepareOp(device, activationOp, { x: [4, 4] }, { name: "relu" });
  run((pass) => {
    for (const [buffers, message] of refused) {
      expect(() => add.encode(pass, buffers as never, [1, 1, 1])).toThrow(/^accumulate: /);
      expect(() => add.encode(pass, buffers as never, [1, 1, 1])).toThrow(message);
    }
    expect(() => conv.encode(pass, { x, y: x })).toThrow(/^activation: x and y must be in different/);
    expect(() => conv.encode(pass, { x: { buffer: x, offset: 4 }, y })).toThrow(/x must begin at a multiple/);
    expect(() => conv.encode(pass, { x, y: other })).toThrow(/GPUBufferUsage\.STORAGE/);
    // Two that are only read may share.
    add.encode(pass, { x: { buffer: x, offset: 256 }, y }, [1, 1, 1]);
  });
  const sum = await prepareOp(device, addOp, { a: [4, 4], b: [4, 4] }, {});
  run((pass) => sum.encode(pass, { a: x, b: x, y }));
  for (const prepared of [add, conv, sum]) prepared.destroy();
});

test("a live buffer must be a uniform", async () => {
  const dropout = await prepareKernel(device, dropoutKernel, {
    ...{ LENGTH: 4, EXAMPLE: 4, P: 0.5, LAYER: 0, ACCUMULATE: 0 },
  });
  const [x, y] = [upload(new Float32Array(16)), upload(new Float32Array(16))];
  run((pass) => {
    expect(() => dropout.encode(pass, { x, y, live: x }, [1, 1, 1])).toThrow(
      /dropout: live needs a buffer with GPUBufferUsage\.UNIFORM/,
    );
  });
});
