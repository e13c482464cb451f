import dispatchWgsl from "../ceilings/dispatch.wgsl?raw";
import type { Ceiling } from "../report.ts";
import { spread } from "../statistics.ts";
import type { Sampling, Stopwatch } from "./stopwatch.ts";

/** A program (bindings: 0 `x`, 1 `y`, 2 `iterations`), its input, and its expected output. */
export interface Experiment {
  readonly name: string;
  readonly unit: Ceiling["unit"];
  readonly wgsl: string;
  readonly constants?: Readonly<Record<string, number>>;
  readonly input: Float32Array;
  /** Numbers of invocations to try, multiples of 64; the best result counts. */
  readonly invocations: readonly number[];
  /** Whether `iterations` matters to the program. */
  readonly loops: boolean;
  /** How many elements of `y` an invocation writes. */
  readonly width: number;
  /** The work of an invocation, in what the unit counts: floating-point operations, loads or bytes. */
  work(iterations: number): number;
  /** The expected value of every element of `y`. */
  expected(iterations: number): number;
}

/** The first and the highest number of iterations; up to there, f32 sums stay accurate enough. */
const ITERATIONS = 16;
const MAX_ITERATIONS = 2 ** 14;
const TOLERANCE = 1e-3;
/** How many launches make a sample of `dispatchCost`. */
const DISPATCHES = 1000;

/** Runs an experiment, with more iterations until it takes long enough, and checks its output. */
export async function runExperiment(
  device: GPUDevice,
  stopwatch: Stopwatch,
  experiment: Experiment,
  sampling: Sampling,
): Promise<Ceiling> {
  const { name, unit, input, invocations, loops, width } = experiment;
  const bench = new Workbench(device, input, Math.max(...invocations) * width * 4);
  try {
    const launch = await bench.prepare(experiment.wgsl, experiment.constants);
    let best: Ceiling | undefined;
    for (const count of invocations) {
      const encode = (pass: GPUComputePassEncoder): void => launch(pass, count / 64);
      let iterations = ITERATIONS;
      bench.iterate(iterations);
      while (loops && iterations < MAX_ITERATIONS) {
        if ((await stopwatch.measure(encode, { samples: 1, minMs: 0 })).medianMs >= sampling.minMs) break;
        iterations *= 4;
        bench.iterate(iterations);
      }
      const time = await stopwatch.measure(encode, sampling);
      const expected = experiment.expected(iterations);
      const written = (await bench.read()).subarray(0, count * width);
      const wrong = written.find((y) => !(Math.abs(y - expected) <= TOLERANCE * Math.abs(expected)));
      if (wrong !== undefined) throw new Error(`ceiling ${name}: computed ${wrong} instead of ${expected}`);
      const value = (experiment.work(iterations) * count) / time.medianMs / 1e6;
      if (!best || value > best.value) best = { name, unit, value, ...time };
    }
    return best!;
  } finally {
    bench.destroy();
  }
}

/** The cost of a launch, from encoding to completion, in a sequence of many. */
export async function dispatchCost(device: GPUDevice, { samples }: Sampling): Promise<Ceiling> {
  const bench = new Workbench(device, new Float32Array(4), 16);
  try {
    const launch = await bench.prepare(dispatchWgsl);
    const times: number[] = [];
    // The first sample warms up.
    for (let i = 0; i <= samples; i++) {
      const start = performance.now();
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let n = 0; n < DISPATCHES; n++) launch(pass, 1);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      if (i > 0) times.push((performance.now() - start) / DISPATCHES);
    }
    const [count] = await bench.read();
    const expected = DISPATCHES * (samples + 1);
    if (count !== expected) throw new Error(`ceiling dispatch: ran ${count} times instead of ${expected}`);
    const time = spread(times);
    return { name: "dispatch", unit: "µs", value: time.medianMs * 1000, ...time };
  } finally {
    bench.destroy();
  }
}

/** The buffers of one experiment. */
class Workbench {
  readonly #device: GPUDevice;
  readonly #x: GPUBuffer;
  readonly #y: GPUBuffer;
  readonly #iterations: GPUBuffer;

  constructor(device: GPUDevice, input: Float32Array, outputBytes: number) {
    const { STORAGE, COPY_SRC, COPY_DST, UNIFORM } = GPUBufferUsage;
    this.#device = device;
    this.#x = device.createBuffer({ size: input.byteLength, usage: STORAGE | COPY_DST });
    this.#y = device.createBuffer({ size: outputBytes, usage: STORAGE | COPY_SRC });
    this.#iterations = device.createBuffer({ size: 16, usage: UNIFORM | COPY_DST });
    device.queue.writeBuffer(this.#x, 0, input as Float32Array<ArrayBuffer>);
  }

  iterate(iterations: number): void {
    this.#device.queue.writeBuffer(this.#iterations, 0, Uint32Array.of(iterations));
  }

  /** Compiles a program; returns a function that launches so many workgroups of it. */
  async prepare(
    code: string,
    constants: Readonly<Record<string, number>> = {},
  ): Promise<(pass: GPUComputePassEncoder, groups: number) => void> {
    const device = this.#device;
    const types: GPUBufferBindingType[] = ["read-only-storage", "storage", "uniform"];
    const entries = types.map((type, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    }));
    const layout = device.createBindGroupLayout({ entries });
    const module = device.createShaderModule({ code });
    const { messages } = await module.getCompilationInfo();
    const error = messages.find(({ type }) => type === "error");
    if (error) throw new Error(`line ${error.lineNum}: ${error.message}\n${code}`);
    const pipeline = await device.createComputePipelineAsync({
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, constants },
    });
    const buffers = [this.#x, this.#y, this.#iterations];
    const bindGroup = device.createBindGroup({
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    return (pass, groups) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(groups);
    };
  }

  async read(): Promise<Float32Array> {
    const { size } = this.#y;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const staging = this.#device.createBuffer({ size, usage });
    const encoder = this.#device.createCommandEncoder();
    encoder.copyBufferToBuffer(this.#y, 0, staging, 0, size);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const values = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return values;
  }

  destroy(): void {
    for (const buffer of [this.#x, this.#y, this.#iterations]) buffer.destroy();
  }
}
