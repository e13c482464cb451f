import { describe, expect, it } from "vitest";
import { taskKey } from "../../../src/gpu/tuning.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Capabilities, Task } from "../../../src/kernel/capabilities.ts";
import {
  batchNorm,
  conv2d,
  crossEntropy,
  dense,
  globalAvgPool,
  maxPool2d,
} from "../../../src/layers/index.ts";
import { lower } from "../../../src/ops/lower.ts";
import { type MeasurableTask, recorder } from "../../../src/ops/tunable.ts";
import { smallModels } from "../../support/models/models.ts";
import { programOf } from "../../support/models/programs.ts";

const DEVICES: Readonly<Record<string, Capabilities>> = {
  "any device": { features: [] },
  "an emulated GPU": { features: [], software: true },
  "small subgroups": { features: ["subgroups"], software: true },
  "a GPU": { features: ["subgroups"] },
};

/** The tasks of a training step with every tunable op. */
function tasksOn(given: Capabilities): readonly MeasurableTask[] {
  const { device, tasks } = recorder(given);
  const graph = new Graph({ mode: "train", device });
  const labels = graph.input("labels", [4], "i32");
  const window = { kernelSize: 3, padding: "same", outChannels: 24 } as const;
  let x = conv2d(graph.input("images", [4, 64, 64, 3]), "conv", window);
  x = batchNorm(x, "bn", { activation: "relu" });
  x = maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 });
  x = conv2d(x, "depthwise", { ...window, groups: 24 });
  const loss = crossEntropy(dense(globalAvgPool(x), "fc", { outFeatures: 10 }), labels);
  lower(graph, [[loss, null]], { fusions: [] });
  return tasks;
}

/** Launches of a task on its own by the variant that a table names, as text. */
function launches(task: MeasurableTask, given: Capabilities, name: string): string {
  const graph = new Graph({ mode: "eval", device: { ...given, tuned: () => name } });
  const { inputs, op } = task.alone();
  const tensors = Object.entries(inputs).map(([input, { shape, dtype }]) => [
    input,
    graph.input(input, shape, dtype),
  ]);
  graph.apply(op, "task", Object.fromEntries(tensors), undefined);
  return JSON.stringify(
    lower(graph).dispatches.map(({ kernel, constants, workgroups }) => [
      ...[kernel.name, constants, workgroups],
    ]),
  );
}

describe("tunable ops", () => {
  it("have tasks of their own key fields", () => {
    const PLACE = "STRIDE_H=1 STRIDE_W=1 DILATION_H=1 DILATION_W=1 PAD_TOP=1 PAD_LEFT=1";
    expect(tasksOn({ features: [] }).map(taskKey)).toEqual([
      `conv2d forward N=4 H=64 W=64 C=3 K=24 R=3 S=3 P=64 Q=64 ${PLACE}`,
      "batch_norm statistics ROWS=16384 C=24",
      "batch_norm forward ROWS=16384 C=24",
      "max_pool2d forward N=4 C=24 H=64 W=64 P=32 Q=32 KERNEL_H=3 KERNEL_W=3 STRIDE_H=2 STRIDE_W=2 PAD_TOP=1 PAD_LEFT=1",
      `conv2d_grouped forward N=4 H=32 W=32 C=24 K=24 R=3 S=3 P=32 Q=32 ${PLACE} GROUPS=24`,
      "dense forward N=4 C=24 K=10",
      "cross_entropy rows N=4 K=10",
      "cross_entropy mean N=4",
      "dense grad_weight N=4 C=24 K=10",
      "dense grad_input N=4 C=24 K=10",
      `conv2d_grouped grad_weight N=4 H=32 W=32 C=24 K=24 R=3 S=3 P=32 Q=32 ${PLACE} GROUPS=24`,
      `conv2d_grouped grad_input N=4 H=32 W=32 C=24 K=24 R=3 S=3 P=32 Q=32 ${PLACE} GROUPS=24`,
      "max_pool2d backward N=4 C=24 H=64 W=64 P=32 Q=32 KERNEL_H=3 KERNEL_W=3 STRIDE_H=2 STRIDE_W=2 PAD_TOP=1 PAD_LEFT=1",
      "batch_norm backward_sums ROWS=16384 C=24",
      "batch_norm backward ROWS=16384 C=24",
      `conv2d grad_weight N=4 H=64 W=64 C=3 K=24 R=3 S=3 P=64 Q=64 ${PLACE}`,
    ]);
  });

  it.each(Object.entries(DEVICES))("have variants that differ, the heuristic's first, on %s", (_, device) => {
    for (const task of tasksOn(device)) {
      const names = task.variants(device).map(({ name }) => name);
      expect(new Set(names).size, taskKey(task)).toBe(names.length);
      expect(names.length, taskKey(task)).toBeGreaterThan(1);
      const texts = names.map((name) => launches(task, device, name));
      expect(new Set(texts).size, taskKey(task)).toBe(names.length);
      expect(launches(task, device, "of another version"), taskKey(task)).toBe(texts[0]);
    }
  });

  it("let a table choose on a GPU what the heuristic takes on a CPU", () => {
    const [gpu, cpu] = [DEVICES["a GPU"]!, DEVICES["small subgroups"]!];
    const others = tasksOn(cpu);
    for (const [i, task] of tasksOn(gpu).entries()) {
      const names = task.variants(gpu).map(({ name }) => name);
      expect(names, taskKey(task)).toContain(others[i]!.variants(cpu)[0]!.name);
    }
  });

  it("take another variant where one is barred, whoever chose it", () => {
    const gpu = DEVICES["a GPU"]!;
    for (const task of tasksOn(gpu)) {
      const [first, second] = task.variants(gpu).map(({ name }) => name) as [string, string];
      const without = (barred: string) => ({
        ...gpu,
        allows: ({ op, pass }: Task, variant: string) =>
          !(op === task.op && pass === task.pass && variant === barred),
      });
      expect(launches(task, without(first), first), taskKey(task)).not.toBe(launches(task, gpu, first));
      expect(launches(task, without(second), second), taskKey(task)).toBe(launches(task, gpu, first));
      expect(task.variants(without(first)).map(({ name }) => name)).not.toContain(first);
      // Where none is left, the heuristic's.
      expect(launches(task, { ...gpu, allows: () => false }, second)).toBe(launches(task, gpu, first));
    }
  });

  it("ask for nothing that cannot be measured, in small models of each topology", () => {
    for (const [, create] of smallModels) {
      const { device, tasks } = recorder(DEVICES["a GPU"]!);
      programOf(create(), 2, "train", { device });
      for (const task of new Map(tasks.map((task) => [taskKey(task), task])).values()) {
        const { inputs, outputs, products } = task.alone();
        expect(products).toBeGreaterThan(0);
        for (const { shape } of [...Object.values(inputs), ...Object.values(outputs)]) {
          expect(
            shape.every((extent) => extent > 0),
            taskKey(task),
          ).toBe(true);
        }
      }
    }
  });

  it("know only what the table says of their own task", () => {
    const asked: Task[] = [];
    const device = {
      ...DEVICES["a GPU"]!,
      tuned: (task: Task) => {
        asked.push(task);
        return task.op === "batch_norm" && task.pass === "statistics" ? "many_parts_single" : undefined;
      },
    };
    const graph = new Graph({ mode: "train", device });
    batchNorm(graph.input("x", [4, 8, 8, 16]), "bn", {});
    const kernels = lower(graph).dispatches.map(({ kernel }) => kernel.name);
    expect(kernels).toEqual([
      "batch_norm_statistics",
      "batch_norm_statistics_merge_single",
      "batch_norm_forward",
    ]);
    expect(asked.map(({ pass }) => pass)).toEqual(["statistics", "forward"]);
  });
});
