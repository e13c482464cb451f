import { describe, expect, it } from "vitest";
import { PlanError } from "../../../src/base/errors.ts";
import { storedLength } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import {
  convnet,
  countNumbers,
  features,
  freeze,
  fusion,
  interleaved,
  type Model,
  resnet,
  sequential,
  vgg,
} from "../../../src/models/index.ts";
import type { Program } from "../../../src/ops/lower.ts";
import { DEFAULT_LIMITS, type Plan, plan } from "../../../src/plan/plan.ts";
import { programOf } from "../../support/models/programs.ts";

const frozenBytes = ({ graph }: Program): number =>
  4 * countNumbers(graph.parameters.filter(({ trainable }) => !trainable));

const backward = (program: Program, prefix: string) =>
  program.dispatches.filter(({ label }) => label.startsWith(`d(${prefix}`));

describe("what is frozen costs nothing to train", () => {
  const inputShape = [64, 64, 3] as const;
  const weightKernels = /_grad_weight|channel_sum/;

  it("at the start of a model it gets no backward launch, no gradient and no moment", () => {
    const options = { inputShape, backbone: "resnet18" } as const;
    const frozen = programOf(features(options), 2, "train");
    const whole = programOf(features({ ...options, frozen: [] }), 2, "train");
    expect(backward(whole, "resnet.").length).toBeGreaterThan(40);
    expect(backward(frozen, "resnet.")).toEqual([]);
    // Nor do its batch norms compute statistics.
    const statistics = frozen.dispatches.filter(({ kernel }) => /batch_norm_statistics/.test(kernel.name));
    expect([...new Set(statistics.map(({ label }) => label))]).toEqual(["bn1", "bn2"]);

    const [cheap, dear] = [plan(frozen), plan(whole)];
    expect(cheap.dispatches.length).toBeLessThan(dear.dispatches.length / 2);
    // Gradient and momentum: twice the parameters, and a table of learning rates.
    const saved = (dear.report.persistentBytes - cheap.report.persistentBytes) / frozenBytes(frozen);
    expect(saved).toBeGreaterThan(2);
    expect(saved).toBeLessThan(2.04);
    // What only the backward pass reads need not be kept.
    expect(cheap.report.peakBytes).toBeLessThan(0.7 * dear.report.peakBytes);
  });

  it("in the middle of a model gradients pass through it, and that is all", () => {
    const model = sequential({ inputShape, backbone: "resnet18" });
    const frozen = programOf(model, 2, "train", { frozen: freeze("resnet.*") });
    const whole = programOf(model, 2, "train");
    const kernels = (program: Program) => backward(program, "resnet.").map(({ kernel }) => kernel.name);
    expect(kernels(whole).some((name) => weightKernels.test(name))).toBe(true);
    expect(kernels(frozen).filter((name) => weightKernels.test(name))).toEqual([]);
    expect(kernels(frozen).filter((name) => /batch_norm_backward_sums/.test(name))).toEqual([]);
    expect(kernels(frozen).some((name) => /grad_input/.test(name))).toBe(true);
    expect(
      backward(frozen, "front.")
        .map(({ kernel }) => kernel.name)
        .join(),
    ).toMatch(weightKernels);

    const saved = plan(whole).report.persistentBytes - plan(frozen).report.persistentBytes;
    expect(saved / frozenBytes(frozen)).toBeGreaterThan(2);
  });

  it("the first stages frozen shorten the backward pass by so much", () => {
    const launches = ["conv1.*", "layer1.*", "layer2.*", "layer3.*"].map((_, i, patterns) => {
      const program = programOf(
        resnet(18, { inputShape, frozen: ["bn1.*", ...patterns.slice(0, i + 1)] }),
        2,
        "train",
      );
      return program.dispatches.filter(({ label }) => label.startsWith("d(")).length;
    });
    expect(launches).toEqual(launches.toSorted((a, b) => b - a));
    expect(launches.at(-1)).toBeLessThan(launches[0]! / 3);
  });

  it("frozen parameters lie in arenas that no kernel writes", () => {
    const program = programOf(features({ inputShape }), 1, "train");
    const arenas = new Set(program.graph.parameters.map(({ tensor }) => tensor.storage.name));
    expect([...arenas]).toEqual(["frozen.0", "parameters.0"]);
    for (const { kernel, bindings, label } of program.dispatches) {
      for (const { name, access } of kernel.bindings) {
        if (bindings[name]!.storage.name === "frozen.0") expect(access, label).toBe("read");
      }
    }
  });
});

describe("a training step takes hardly more than is alive at once", () => {
  const limits = { maxBindingBytes: 2 ** 31, maxBufferBytes: 2 ** 31 };
  const small = { inputShape: [32, 32, 3], classes: 10 } as const;
  const models: Readonly<Record<string, () => Model>> = {
    interleaved: () => interleaved(),
    convnet: () => convnet(),
    resnet20: () => resnet(20),
    "resnet18 at 32×32": () => resnet(18, small),
    resnet18: () => resnet(18),
    resnet50: () => resnet(50),
    "vgg16 at 32×32": () => vgg(16, small),
    sequential: () => sequential(),
    fusion: () => fusion(),
    features: () => features(),
  };
  const devices: Readonly<Record<string, Capabilities>> = {
    plain: { features: [] },
    quads: { features: ["subgroups"], software: true },
  };
  const cases = Object.keys(models).flatMap((name) => Object.keys(devices).map((device) => [name, device]));

  it.each(cases)("%s, %s kernels", (name, device) => {
    // At the peak of a VGG, or of maps of 32×32, little else is alive than what single launches read and write.
    const factor = /vgg|fusion|resnet/.test(name!) ? 1.04 : 1.012;
    for (const batch of [16, 32]) {
      const program = programOf(models[name!]!(), batch, "train", { device: devices[device!] });
      const { report, memory } = plan(program, limits);
      expect(report.peakBytes / report.lowerBoundBytes).toBeLessThanOrEqual(factor);
      expect(memory.slabs.length).toBeLessThanOrEqual(32);
    }
  });

  it("is as close for ResNet-152", () => {
    const { peakBytes, lowerBoundBytes } = plan(programOf(resnet(152), 2, "train"), limits).report;
    expect(peakBytes / lowerBoundBytes).toBeLessThanOrEqual(1.01);
  });
});

/** Largest binding and largest buffer of a plan, bytes. */
function largest({ dispatches, memory, persistent }: Plan) {
  const bindings = dispatches.flatMap((dispatch) => Object.values(dispatch.bindings));
  return {
    binding: Math.max(...bindings.map(({ shape, storage }) => 4 * storedLength(shape, storage.dtype))),
    buffer: Math.max(...memory.slabs, ...persistent.map(({ length }) => 4 * length)),
    storageBuffers: Math.max(...dispatches.map(({ kernel }) => kernel.bindings.length)),
  };
}

describe("at 224×224, within WebGPU's default limits", () => {
  const MiB = 2 ** 20;

  it.each<[string, Model, number, { readonly peak: number; readonly persistent: number }]>([
    ["sequential", sequential(), 1, { peak: 74, persistent: 274 }],
    ["sequential", sequential(), 2, { peak: 147, persistent: 274 }],
    ["fusion", fusion(), 1, { peak: 158, persistent: 474 }],
    ["fusion", fusion(), 2, { peak: 272, persistent: 475 }],
    ["features", features(), 2, { peak: 19, persistent: 50 }],
  ])("a training step of %s fits: %#", (_, model, batch, expected) => {
    const planned = plan(programOf(model, batch, "train"), DEFAULT_LIMITS);
    const { peakBytes, lowerBoundBytes, persistentBytes } = planned.report;
    expect(Math.round(peakBytes / MiB)).toBeLessThanOrEqual(expected.peak);
    expect(peakBytes).toBeLessThanOrEqual(1.06 * lowerBoundBytes);
    expect(Math.round(persistentBytes / MiB)).toBeLessThanOrEqual(expected.persistent);
    const { binding, buffer, storageBuffers } = largest(planned);
    expect(binding).toBeLessThanOrEqual(DEFAULT_LIMITS.maxBindingBytes);
    expect(buffer).toBeLessThanOrEqual(DEFAULT_LIMITS.maxBufferBytes);
    expect(storageBuffers).toBeLessThanOrEqual(8);
    expect(planned.memory.slabs.length).toBeLessThanOrEqual(20);
  });

  it("the parameters of fusion take two arenas, since one cannot be bound", () => {
    const { graph, arenas } = programOf(fusion(), 1, "train");
    expect(arenas.map(([parameters]) => parameters.name).sort()).toEqual(["parameters.0", "parameters.1"]);
    for (const { tensor } of graph.parameters) {
      expect(4 * tensor.storage.length).toBeLessThanOrEqual(DEFAULT_LIMITS.maxBindingBytes);
    }
  });

  it("VGG-16's first dense layer does not fit, and is named", () => {
    const build = () => programOf(vgg(16), 1, "train");
    expect(build).toThrow(PlanError);
    expect(build).toThrow(
      "parameter classifier.0.weight (25088, 4096) takes 411041792 bytes; " +
        "the device binds at most 134217728 — use fewer channels",
    );
  });
});
