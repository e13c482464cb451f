/** Every class with a `destroy`: whatever is called afterwards gets a DestroyedError, and nothing else happens. */
import { afterAll, describe, expect, it } from "vitest";
import {
  adamw,
  FeatureCache,
  Gpu,
  imagenetPreprocessing,
  interleaved,
  lower,
  openDevice,
  openSession,
  Predictor,
  Preprocessor,
  Race,
  saveWeights,
  Trainer,
  Variables,
} from "webgraft";
import { flattenOp, prepareKernel, prepareOp } from "webgraft/kernels";
import { DestroyedError } from "../../src/base/errors.ts";
import { Graph } from "../../src/graph/graph.ts";
import { activation_forward } from "../../src/kernel/shaders.gen.ts";
import { relu } from "../../src/layers/index.ts";
import { quarters } from "../support/data/quarters.ts";

const gpu = await openDevice();
const { device } = gpu;
afterAll(() => gpu.destroy());

const model = interleaved({ inputShape: [8, 8, 1], classes: 4, widths: [4, 8, 8, 12] });
const data = quarters(8);
const image = { data: new Uint8Array(64), width: 8, height: 8 };
const preprocessing = imagenetPreprocessing([8, 8]);
const live = { step: 1, seed: 0, learningRate: 0 };
const trainer = (frozen?: (name: string) => boolean): Promise<Trainer> =>
  Trainer.create({
    ...{ gpu, model, optimizer: adamw({ lr: 0.01 }), batchSize: 4, tune: "off" },
    ...(frozen && { frozen }),
  });

function graphOf(): Graph {
  const graph = new Graph({ mode: "eval" });
  graph.parameter("w", [3], (shape) => new Float32Array(shape[0]!), false);
  graph.output("y", relu(graph.input("x", [2, 3])));
  return graph;
}

/** An object of the class, and the arguments with which each of its methods is called once it is destroyed. */
interface Case {
  readonly make: () => Promise<object & { destroy(): unknown }>;
  readonly calls: Readonly<Record<string, readonly unknown[]>>;
}

const trainers = await trainer();
const [variable] = graphOf().parameters;
const { tensor } = variable!;

const batch = { images: new Float32Array(1024), labels: new Int32Array(4), size: 4 };
const cases: Readonly<Record<string, Case>> = {
  Gpu: {
    make: async () => new Gpu(device),
    calls: {
      check: [],
      during: [Promise.resolve()],
      blame: [new Error("mine")],
      watch: ["test", () => {}],
      guard: ["test", () => {}],
    },
  },
  Variables: {
    make: async () => new Variables(gpu),
    calls: {
      buffer: [tensor.storage],
      initialize: [[variable], 1],
      write: [tensor, new Float32Array(3)],
      clear: [[tensor.storage]],
      copy: [[[tensor.storage, tensor.storage]]],
      read: [[tensor]],
      turn: ["test", async () => {}],
    },
  },
  Session: {
    make: () => openSession(gpu, lower(graphOf()), new Variables(gpu)),
    calls: {
      ready: [],
      submit: [{ x: new Float32Array(8) }, live],
      profile: [{ x: new Float32Array(8) }, live],
      time: [1],
    },
  },
  Trainer: {
    make: () => trainer(),
    calls: {
      fit: [data, { epochs: 1 }],
      trainStep: [batch],
      profile: [batch],
      gradients: [],
      evaluated: [],
      examplesPerEpoch: [8],
      evaluate: [data],
      predict: [data],
      activations: [data, ["conv1"]],
      checkpoint: [],
      restore: [await trainers.checkpoint()],
      lossScale: [],
      check: [data],
    },
  },
  Race: {
    make: () => {
      const lane = { model, optimizer: adamw({ lr: 0.01 }), tune: "off" } as const;
      const lanes = [
        { ...lane, name: "a" },
        { ...lane, name: "b" },
      ];
      return Race.create({ gpu, lanes, train: data, test: data, batchSize: 4, epochs: 1, seeds: [1] });
    },
    calls: { run: [], snapshot: [], pause: [], resume: [], step: [], stop: [], setLearningRate: [0.1] },
  },
  FeatureCache: {
    make: async () => FeatureCache.create(await trainer((name) => !name.startsWith("fc."))),
    calls: { features: [data], finish: [] },
  },
  Predictor: {
    make: () => Predictor.create({ gpu, model: { ...model, preprocessing } }),
    calls: { predict: [new Float32Array(64)], classify: [[image]] },
  },
  Preprocessor: {
    make: () => Preprocessor.create(gpu, { inputShape: [8, 8, 3], preprocessing }),
    calls: {
      write: [image, { buffer: device.createBuffer({ size: 1024, usage: GPUBufferUsage.STORAGE }) }],
      input: [[image]],
      read: [[image]],
    },
  },
  PreparedOp: {
    make: () => prepareOp(device, flattenOp, { x: [2, 2, 2, 4] }, {}),
    calls: { bytes: ["x"], bind: [{}], encode: [null, {}] },
  },
  PreparedKernel: {
    make: () => prepareKernel(device, activation_forward, { LENGTH: 4, C: 4 } as never),
    calls: { bind: [{}, [1, 1, 1]], encode: [null, {}, [1, 1, 1]] },
  },
};

describe.each(Object.entries(cases))("%s after destroy", (_, { make, calls }) => {
  it("gives a DestroyedError for every method, and does nothing", async () => {
    const subject = await make();
    await subject.destroy();
    const methods = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(subject));
    const names = Object.entries(methods).flatMap(([name, { value }]) =>
      typeof value === "function" && name !== "constructor" && name !== "destroy" ? [name] : [],
    );
    expect(Object.keys(calls).sort()).toEqual(names.sort());

    const used: string[] = [];
    const { createBuffer } = device;
    const { submit, writeBuffer } = device.queue;
    device.createBuffer = (descriptor) => {
      used.push("createBuffer");
      return createBuffer.call(device, descriptor);
    };
    device.queue.submit = (buffers) => {
      used.push("submit");
      return submit.call(device.queue, buffers);
    };
    device.queue.writeBuffer = () => {
      used.push("writeBuffer");
    };
    for (const [name, given] of Object.entries(calls)) {
      const call = async (): Promise<unknown> =>
        (subject as unknown as Record<string, (...given: readonly unknown[]) => unknown>)[name]!(...given);
      await expect(call(), name).rejects.toThrow(DestroyedError);
    }
    Object.assign(device, { createBuffer });
    Object.assign(device.queue, { submit, writeBuffer });
    expect(used).toEqual([]);
    await subject.destroy(); // Again is no error.
  });
});

it("loading or saving weights of what was destroyed gives one too", async () => {
  const subject = await trainer();
  await subject.destroy();
  await expect(saveWeights(subject)).rejects.toThrow(DestroyedError);
});
