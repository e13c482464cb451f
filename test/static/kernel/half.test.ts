import { describe, expect, it } from "vitest";
import { DeviceError, ShaderError, ShapeError } from "../../../src/base/errors.ts";
import { sourceOf } from "../../../src/gpu/compile.ts";
import { taskKey } from "../../../src/gpu/tuning.ts";
import { Graph, type Precision } from "../../../src/graph/graph.ts";
import { bytesOf } from "../../../src/graph/tensor.ts";
import type { Task } from "../../../src/kernel/capabilities.ts";
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { convnet, interleaved, resnet, vgg } from "../../../src/models/index.ts";
import { recorder } from "../../../src/ops/tunable.ts";
import { plan } from "../../../src/plan/plan.ts";
import { describePlan } from "../../../src/plan/report/describe.ts";
import { programOf } from "../../support/models/programs.ts";
import { smallTask } from "../../support/models/tuning.ts";

const kernels: readonly Kernel[] = Object.values(shaders);
const device = { features: ["shader-f16"], software: true };

describe("kernels with f16 in memory", () => {
  const convertible = kernels.filter((kernel) => halfBindings(kernel).length > 0);

  it.each(convertible.map((kernel) => [kernel.name, kernel] as const))(
    "%s: only the types of those bindings differ, and every store is converted",
    (_, kernel) => {
      const names = halfBindings(kernel);
      const half = withHalf(kernel, names);
      expect(withHalf(kernel, names)).toBe(half);
      expect(half.features).toEqual([...kernel.features, "shader-f16"]);
      const lines = half.wgsl.split("\n");
      const before = kernel.wgsl.split("\n");
      expect(lines[0]).toBe(`enable f16;${before[0]}`);
      const changed = lines.flatMap((line, i) => (i > 0 && line !== before[i] ? [line] : []));
      expect(changed).toHaveLength(names.length);
      for (const line of changed) expect(line).toMatch(/^alias \w+ = (vec4<f16>|f16);$/);
      for (const { name, alias, access } of kernel.bindings) {
        if (!alias) continue;
        expect(kernel.wgsl, "whose elements nothing else shares").toContain(`>${name}:array<${alias}>;`);
        // A load is widened where it is, a store is narrowed: else the text is no WGSL with f16.
        for (const [, load] of kernel.wgsl.matchAll(new RegExp(`(\\w*\\(?)(?<!^)(?<!\\w)${name}\\[`, "gm"))) {
          expect(load).toMatch(/^(vec4f|f32)\($/);
        }
        const stores = [...kernel.wgsl.matchAll(new RegExp(`^${name}\\[.*\\](.?)=(\\w+)`, "gm"))];
        if (access === "read_write") expect(stores.length).toBeGreaterThan(0);
        for (const [, operator, conversion] of stores) expect([operator, conversion]).toEqual(["", alias]);
      }
    },
  );

  it("are told apart by which of their bindings hold f16", () => {
    const some = withHalf(shaders.add_forward, ["a"]);
    expect(some.name).toBe("add_forward_half_a");
    expect(some.bindings.map(({ element }) => element)).toEqual(["vec4<f16>", "vec4f", "vec4f"]);
    expect(withHalf(shaders.add_forward, [])).toBe(shaders.add_forward);
    expect(() => withHalf(shaders.sgd, ["momentum"])).toThrow(ShapeError);
  });

  it("are not made of a text that lacks what is to be replaced", () => {
    const wgsl = shaders.add_forward.wgsl.replace("alias b4=vec4f;", "alias b4=vec4<f32>;");
    expect(() => withHalf({ ...shaders.add_forward, wgsl }, ["a", "b"])).toThrow(
      new ShaderError(
        'add_forward: "alias b4 = vec4f;" must occur exactly once to be replaced — found 0 times',
      ),
    );
  });

  it("keep the places of their lines", () => {
    const half = withHalf(shaders.add_forward, ["a", "b", "y"]);
    const line = half.wgsl.split("\n").findIndex((text) => text.startsWith("fn activate("));
    expect(sourceOf(half, line + 1)).toMatch(/^shaders\/lib\/core\/activation\.wgsl:/);
    expect(sourceOf(half, line + 1)).toBe(sourceOf(shaders.add_forward, line + 1));
  });
});

describe("precision: mixed", () => {
  const limits = { maxBindingBytes: 2 ** 31, maxBufferBytes: 2 ** 32 };

  it("is refused without shader-f16", () => {
    expect(() => new Graph({ mode: "eval", precision: "mixed" })).toThrow(DeviceError);
  });

  it.each([
    ["interleaved", interleaved(), 32],
    ["convnet", convnet(), 32],
    ["resnet18", resnet(18), 8],
    ["resnet50", resnet(50), 4],
    ["vgg16", vgg(16, { hidden: 512 }), 2],
  ])("%s takes at most 0.55 × the memory for temporaries", (_, model, batch) => {
    const [exact, mixed] = (["f32", "mixed"] as const).map((precision) =>
      plan(programOf(model, batch, "train", { device, precision }), limits),
    );
    expect(mixed!.report.peakBytes).toBeLessThanOrEqual(0.55 * exact!.report.peakBytes);
    expect(mixed!.report.lowerBoundBytes).toBeLessThanOrEqual(0.55 * exact!.report.lowerBoundBytes);
    expect(describePlan(mixed!)).toContain("_half_");
  });

  it("leaves in f32 what is no activation, and has one loss scale", () => {
    const program = programOf(interleaved(), 4, "train", { device, precision: "mixed" });
    const storages = new Set(
      program.dispatches.flatMap(({ bindings }) => Object.values(bindings).map((t) => t.storage)),
    );
    for (const { role, dtype, name } of storages) {
      if (role !== "temporary") expect(dtype, name).not.toBe("f16");
    }
    const half = [...storages].filter(({ dtype }) => dtype === "f16");
    expect(half.length).toBeGreaterThan(20);
    expect(bytesOf(half[0]!)).toBe(2 * half[0]!.length);
    expect(program.dispatches.filter(({ kernel }) => kernel.name.startsWith("loss_scale"))).toHaveLength(1);
    expect(program.dispatches.filter(({ kernel }) => kernel.name.startsWith("scale_by"))).toHaveLength(1);
    expect(program.graph.outputs.get("loss")!.storage.dtype).toBe("f32");
  });

  it("asks for measurements of its own", () => {
    const tasksIn = (precision: Precision): readonly Task[] => {
      const asked = recorder(device);
      programOf(interleaved(), 4, "train", { device: asked.device, precision });
      return asked.tasks;
    };
    expect(new Set(tasksIn("f32").map(({ dtype }) => dtype))).toEqual(new Set([undefined]));
    expect(new Set(tasksIn("mixed").map(({ dtype }) => dtype))).toEqual(new Set(["f16"]));
    expect(taskKey(smallTask("forward", "f16"))).toBe(`${taskKey(smallTask("forward"))} f16`);
  });
});
