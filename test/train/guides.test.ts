/** The guides' code runs as it stands, but for smaller numbers. */
import { afterEach, expect, it, vi } from "vitest";
import { createModel, decodeSafetensors, encodeSafetensors } from "webgraft";
import { seededWeights } from "../support/data/seeded.ts";
import { serve } from "../support/run/job.ts";

afterEach(() => vi.unstubAllGlobals());

const falls = (losses: readonly number[]): void => {
  const [early, late] = [losses.slice(0, 2), losses.slice(-2)].map((few) => few.reduce((a, b) => a + b));
  expect(late!).toBeLessThan(0.9 * early!);
};

it("train: learns, saves and predicts", async () => {
  const { accuracy, best, history } = await import("virtual:readme/digits");
  expect(accuracy).toBeGreaterThan(0.9);
  expect(history.epochs.length).toBeGreaterThan(0);
  expect(best.length).toBe(4);
  expect(new Set(best)).not.toContain(undefined);
});

it("fine-tune: learns from twenty images a class", async () => {
  const backbone = createModel("resnet20", { inputShape: [28, 28, 1], classes: 10 });
  const weights = encodeSafetensors(seededWeights(backbone, 1));
  vi.stubGlobal("fetch", async (url: string) => {
    expect(url).toMatch(/\/resnet20-fashion\.safetensors$/);
    return new Response(weights);
  });
  const { file, history } = await import("virtual:readme/few");
  falls(history.steps.map(({ loss }) => loss));
  expect(decodeSafetensors(file, "few").tensors.get("fc.weight")!.shape).toEqual([3, 64]);
});

it("from other frameworks: the loop learns", async () => {
  falls((await import("virtual:readme/loop")).losses);
});

it("your own loss: learns, with its metrics", async () => {
  const { metrics, steps } = await import("virtual:readme/smoothed");
  falls(steps.map(({ loss }) => loss));
  expect(metrics.top2).toBeGreaterThan(0.9);
});

it("your own loss: learns several labels at once", async () => {
  const { evaluation, history, probabilities, scores } = await import("virtual:readme/labels");
  falls(history.steps.map(({ loss }) => loss));
  expect(evaluation.accuracy).toBeGreaterThan(0.8);
  expect([scores.length, probabilities.length]).toEqual([3, 3]);
});

it("your own op: passes the check of gradients, and trains", async () => {
  const { report, steps } = await import("virtual:readme/squared");
  expect(report.comparisons.length).toBeGreaterThan(2);
  falls(steps.map(({ loss }) => loss));
});

it("your own network: trains, and its roads join", async () => {
  const { roads, seen, steps } = await import("virtual:readme/own");
  falls(steps.map(({ loss }) => loss));
  expect(roads.inputs).toEqual(["stem.bn.relu", "long.1.bn.relu"]);
  expect(seen[roads.label]!.shape[0]).toBe(48);
});

it("embed a kernel: an op and a kernel compute", async () => {
  expect([...(await import("virtual:readme/relu")).result]).toEqual([0, 2, 0, 4, 0, 6]);
  expect([...(await import("virtual:readme/scale")).tens]).toEqual([10, 20, 30, 40, 50, 60, 70, 80]);
});

it("tune: leaves a table", async () => {
  const { table } = await import("virtual:readme/tuned");
  expect(Object.keys(table.tuned).length).toBeGreaterThan(0);
});

it("deploy: a page trains with a job in a worker", async () => {
  const messages: unknown[] = [];
  let told: (event: MessageEvent) => void = () => {};
  const heard = new Map<string, () => void>();
  const hears = (type: string) => new Promise<void>((resolve) => heard.set(type, resolve));
  vi.stubGlobal("fetch", (url: string) => serve(url));
  vi.stubGlobal("postMessage", (data: { readonly type: string }) => {
    messages.push(data);
    told({ data } as MessageEvent);
    for (const [type, resolve] of heard) if (data.type === type || data.type === "error") resolve();
  });
  let handle: (event: MessageEvent) => void = () => {};
  vi.stubGlobal("addEventListener", (_: string, listener: typeof handle) => {
    handle = listener;
  });
  await import("virtual:readme/job");
  vi.stubGlobal(
    "Worker",
    class {
      postMessage = (data: unknown) => handle({ data } as MessageEvent);
      addEventListener = (_: string, listener: typeof told) => {
        told = listener;
      };
    },
  );
  const done = hears("done");
  await import("virtual:readme/page");
  await done;
  expect(messages).toContainEqual(expect.objectContaining({ type: "step", step: 3 }));
  expect(messages.at(-1)).toMatchObject({ type: "done" });
  const stopped = hears("stopped");
  handle({ data: { type: "stop" } } as MessageEvent);
  await stopped; // Its last word, which nothing would hear without the stubs.
  expect(messages.at(-1)).toMatchObject({ type: "stopped" });
});

it("debug numerics: a wild rate is named, and a run repeats bit for bit", async () => {
  const { filters, first, reason, same } = await import("virtual:readme/diverges");
  expect(reason).toMatch(/step \d/);
  expect(Object.keys(first!.gradientNorms!)).toEqual(Object.keys(first!.updateRatios!));
  expect(filters!.length).toBe(3 * 3 * 4);
  expect(same).toBe(true);
});

it("memory: recomputing takes less", async () => {
  const { bytes, svg } = await import("virtual:readme/planned");
  expect(bytes[1]!).toBeLessThan(bytes[0]!);
  expect(svg).toContain("<svg");
});
