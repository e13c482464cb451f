import { afterEach, describe, expect, it } from "vitest";
import { DeviceError } from "../../src/base/errors.ts";
import { type Gpu, openDevice } from "../../src/gpu/device.ts";
import { Tuning, type TuningTable, taskKey } from "../../src/gpu/tuning.ts";
import { browserStore } from "../../src/gpu/tuning-store.ts";
import { Graph } from "../../src/graph/graph.ts";
import {
  asActivations,
  batchNorm,
  conv2d,
  crossEntropy,
  dense,
  flatten,
  maxPool2d,
} from "../../src/layers/index.ts";
import type { Model } from "../../src/models/model.ts";
import { lower } from "../../src/ops/lower.ts";
import { recorder } from "../../src/ops/tunable.ts";
import { sgd } from "../../src/optimizers/index.ts";
import { loadTuning, type Turn, tuneTasks } from "../../src/run/tuner.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { TuneMode } from "../../src/train/tuning/tune.ts";
import { memoryStore, smallTask } from "../support/models/tuning.ts";

const task = smallTask("grad_weight");
const opened: Gpu[] = [];

/** A device that a test may lose. */
async function device(): Promise<Gpu> {
  const gpu = await openDevice();
  opened.push(gpu);
  return gpu;
}

afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.destroy();
});

describe("the tuner", () => {
  it("measures every variant once, keeps the best, and has it after reopening", async () => {
    const gpu = await device();
    const store = memoryStore();
    const names = task.variants(gpu.capabilities).map(({ name }) => name);
    const tried: string[] = [];
    const options = { store, onProgress: ({ variant }: { variant: string }) => tried.push(variant) };
    await tuneTasks(gpu, [task, task], options);
    expect(tried).toEqual(names);
    const best = gpu.tuning.get(task)!;
    expect(names).toContain(best.variant);
    expect(best.milliseconds).toBeGreaterThan(0);
    expect(best.gain).toBeGreaterThanOrEqual(1);
    expect(gpu.capabilities.tuned?.(task)).toBe(best.variant);
    expect(gpu.tuning.export()).toMatchObject({ failed: {} });

    await tuneTasks(gpu, [task], options);
    expect(tried.length).toBe(names.length);
    const reopened = await device();
    expect(await loadTuning(reopened, store)).toBe(1);
    expect(reopened.tuning.get(task)).toEqual(best);
  });

  it("measures activations in f16 apart, where the device has it", async () => {
    const gpu = await device();
    const half = smallTask("forward", "f16");
    await tuneTasks(gpu, [half], { store: memoryStore() });
    const names = half.variants(gpu.capabilities).map(({ name }) => name);
    const { failed } = gpu.tuning.export();
    if (gpu.capabilities.features.includes("shader-f16")) {
      expect(names).toContain(gpu.tuning.get(half)?.variant);
      expect(failed).toEqual({});
    } else {
      expect(gpu.tuning.get(half)).toBeUndefined();
      expect(failed[taskKey(half)]).toContain(names[0]);
    }
    expect(gpu.tuning.get(smallTask("forward"))).toBeUndefined();
  });

  it("finds that all variants of every other op agree, and keeps one for each task", async () => {
    const gpu = await device();
    const half = gpu.capabilities.features.includes("shader-f16");
    for (const precision of half ? (["f32", "mixed"] as const) : (["f32"] as const)) {
      const { device: asked, tasks } = recorder(gpu.capabilities);
      const graph = new Graph({ mode: "train", device: asked, precision });
      let y = asActivations(graph.input("images", [40, 12, 10, 16], "f32", true));
      y = batchNorm(y, "bn", { activation: "relu" });
      y = maxPool2d(y, { kernelSize: 3, stride: 2, padding: 1 });
      y = conv2d(y, "depthwise", { outChannels: 16, kernelSize: 3, groups: 16 });
      const loss = crossEntropy(
        dense(flatten(y), "fc", { outFeatures: 3 }),
        graph.input("labels", [40], "i32"),
      );
      lower(graph, [[loss, null]]);

      const tried = new Map<string, string[]>();
      const others = tasks.filter(({ op }) => op !== "dense");
      await tuneTasks(gpu, others, {
        store: memoryStore(),
        onProgress: ({ task, variant }) => tried.set(task, [...(tried.get(task) ?? []), variant]),
      });
      const { tuned, failed } = gpu.tuning.export();
      expect(failed).toEqual({});
      expect([...tried.keys()].map((key) => key.split(" ", 2).join(" "))).toEqual([
        "batch_norm statistics",
        "batch_norm forward",
        "max_pool2d forward",
        "conv2d_grouped forward",
        "cross_entropy rows",
        "cross_entropy mean",
        "conv2d_grouped grad_weight",
        "conv2d_grouped grad_input",
        "max_pool2d backward",
        "batch_norm backward_sums",
        "batch_norm backward",
      ]);
      for (const [key, variants] of tried) {
        expect(variants.length, key).toBeGreaterThan(1);
        expect(variants).toContain(tuned[key]!.variant);
      }
    }
  });

  it("survives a variant that takes the device down, and never tries it again", async () => {
    const gpu = await device();
    const [first, deadly] = task.variants(gpu.capabilities).map(({ name }) => name);
    const tables: TuningTable[] = [];
    const store = memoryStore((table) => {
      tables.push(table);
      if (table.trying?.variant === deadly) gpu.device.destroy();
    });
    await expect(tuneTasks(gpu, [task], { store })).rejects.toThrow(DeviceError);
    expect(tables.at(-1)!.failed).toEqual({ [taskKey(task)]: [deadly] });

    const reopened = await device();
    await loadTuning(reopened, store);
    const tried: string[] = [];
    await tuneTasks(reopened, [task], { store, onProgress: ({ variant }) => tried.push(variant) });
    expect(tried[0]).toBe(first);
    expect(tried).not.toContain(deadly);
    expect(tables.at(-1)).toMatchObject({ failed: { [taskKey(task)]: [deadly] } });
    expect(tables.at(-1)!.trying).toBeUndefined();
  });

  it("stops when it is told to", async () => {
    const gpu = await device();
    const tables: TuningTable[] = [];
    const controller = new AbortController();
    await expect(
      tuneTasks(gpu, [task], {
        store: memoryStore((table) => tables.push(table)),
        signal: controller.signal,
        onProgress: () => controller.abort(),
      }),
    ).rejects.toThrow("abort");
    expect(tables.at(-1)!.trying).toBeUndefined();
  });

  it("bars nothing when the app ends the device, or measuring, meanwhile", async () => {
    const endings: ((gpu: Gpu, controller: AbortController) => void)[] = [
      (gpu) => gpu.destroy(),
      (_, controller) => controller.abort(),
    ];
    for (const end of endings) {
      const gpu = await device();
      const controller = new AbortController();
      const { signal } = controller;
      const turn: Turn = async (work) => {
        end(gpu, controller);
        signal.throwIfAborted();
        return work();
      };
      await expect(tuneTasks(gpu, [task], { store: memoryStore(), signal }, turn)).rejects.toThrow();
      expect(gpu.tuning.export()).toMatchObject({ tuned: {}, failed: {} });
    }
  });

  it("measures what a trainer will run, which trainers then take", async () => {
    const model: Model = {
      ...{ name: "linear", inputShape: [2, 2, 1], classes: 3, options: {} },
      build: (x) => dense(flatten(x), "fc", { outFeatures: 3 }),
    };
    const store = memoryStore();
    const kernelsOf = async (tune: TuneMode): Promise<string[]> => {
      const gpu = await device();
      const optimizer = sgd({ lr: 0.1 });
      const trainer = await Trainer.create({ gpu, model, optimizer, batchSize: 5, tune, tuning: { store } });
      const { tuned } = gpu.tuning.export();
      expect(Object.keys(tuned)).toEqual(
        tune === "off"
          ? []
          : [
              "dense forward N=5 C=4 K=3",
              "cross_entropy rows N=5 K=3",
              "cross_entropy mean N=5",
              "dense grad_weight N=5 C=4 K=3",
            ],
      );
      const kernels = trainer.plan.dispatches.map(({ kernel }) => kernel.name);
      for (const { variant } of Object.values(tuned)) expect(kernels.join()).toContain(variant);
      await trainer.destroy();
      return kernels;
    };
    await kernelsOf("off");
    expect(await kernelsOf("full")).toEqual(await kernelsOf("cached"));
  });

  it("takes nothing from a store that has been spoilt", async () => {
    const store = { read: async () => ({ format: "of another program" }), write: async () => {} };
    expect(await loadTuning(await device(), store)).toBe(0);
  });

  it("keeps its table in the browser", async () => {
    const tuning = new Tuning("an adapter of this test");
    expect(await browserStore.read(tuning.device)).toBeUndefined();
    tuning.set(task, { variant: "a", milliseconds: 1, gain: 1 });
    await browserStore.write(tuning.device, tuning.export());
    expect(await browserStore.read(tuning.device)).toEqual(tuning.export());
  });
});
