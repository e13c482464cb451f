import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/graph/lower.ts";
import type { Op } from "../../../src/graph/op.ts";
import { pad, type Tensor } from "../../../src/graph/tensor.ts";
import { adam, adamw, type Optimizer, sgd, withUpdate } from "../../../src/optimizers/index.ts";
import { openSession } from "../../../src/run/session.ts";
import { Variables } from "../../../src/run/variables.ts";
import { testGpu } from "../../support/gpu.ts";
import { adamReference, type Step, sgdReference } from "../../support/reference/optimizers.ts";

/** A loss whose gradient with respect to `p` is `g`. */
const givenGradient: Op<{ p: Tensor; g: Tensor }, null, { y: Tensor }> = {
  name: "given gradient",
  infer: () => ({ y: { shape: [1] } }),
  forward() {},
  backward: (emit, { inputs: { p, g } }) => emit.pass(p, g),
};

/** Name, shape, whether it decays by default. `big` is longer than one chunk of a norm. */
const SHAPES: readonly (readonly [name: string, shape: readonly number[], decay: boolean])[] = [
  ["front.weight", [3, 3, 5, 7], true],
  ["front.bias", [7], false],
  ["big.weight", [70, 130], true],
  ["frozen.weight", [5, 5], true],
  ["unused.weight", [9], true],
  ["head.weight", [1], true],
];
const TRAINED = SHAPES.filter(([name]) => !/frozen|unused/.test(name));

const values = (length: number, name: string) => {
  const random = new Random(17, name);
  return Float32Array.from({ length }, () => 2 * random.uniform() - 1);
};
const sizeOf = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

interface Options {
  readonly steps?: number;
  /** The learning rate of each step, factor of the optimizer's. */
  readonly schedule?: (step: number) => number;
  /** Applied to gradients before the reference sees them. */
  readonly clip?: (norm: number) => number;
  /** Small arenas, so that there are several. */
  readonly maxBindingBytes?: number;
}

/** Runs an optimizer for some steps on random gradients and compares every parameter after each. */
async function check(
  optimizer: Optimizer,
  reference: (name: string) => { step: Step; lrScale?: number },
  { steps = 6, schedule = () => 1, clip = () => 1, maxBindingBytes = 2 ** 20 }: Options = {},
): Promise<void> {
  const graph = new Graph({ mode: "train", frozen: (name) => name.startsWith("frozen"), maxBindingBytes });
  const parameters = SHAPES.map(([name, shape, decay]) =>
    graph.parameter(name, shape, () => new Float32Array(sizeOf(shape)), decay),
  );
  const losses = TRAINED.map(([name, shape]) => {
    const p = parameters.find((tensor) => tensor.name === name)!;
    const g = graph.input(`gradient of ${name}`, shape);
    return graph.apply(givenGradient, `loss of ${name}`, { p, g }, null).y;
  });
  const program = lower(
    graph,
    losses.map((loss) => [loss, null]),
  );
  const update = optimizer.emit(graph, program);
  const gpu = await testGpu();
  const variables = new Variables(gpu);
  const session = await openSession(gpu, withUpdate(program, update), variables);
  const initial = SHAPES.map(([name, shape]) => values(sizeOf(shape), name));
  parameters.forEach((tensor, i) => {
    variables.write(tensor, initial[i]!);
  });

  const expected = new Map(SHAPES.map(([name], i) => [name, Float64Array.from(initial[i]!)]));
  const references = new Map(TRAINED.map(([name]) => [name, reference(name)]));
  for (let step = 1; step <= steps; step++) {
    const gradients = TRAINED.map(([name, shape]) => values(sizeOf(shape), `${name}, step ${step}`));
    const learningRate = optimizer.learningRate * schedule(step);
    await session.ready();
    const feeds = Object.fromEntries(
      TRAINED.map(([name, shape], i) => [`gradient of ${name}`, pad(gradients[i]!, shape)]),
    );
    const outputs = await session.submit(feeds, { step, seed: 0, learningRate });
    const norms = gradients.map((g) => Math.sqrt(g.reduce((sum, v) => sum + v * v, 0)));
    const norm = Math.hypot(...norms);
    if (outputs.gradientNorms) {
      expect(update.gradientNorms).toEqual(TRAINED.map(([name]) => name));
      [norm, ...norms].forEach((value, i) => {
        expect(Math.abs(outputs.gradientNorms![i]! / value - 1), "norm").toBeLessThan(1e-6);
      });
    }
    TRAINED.forEach(([name], i) => {
      const { step: advance, lrScale = 1 } = references.get(name)!;
      const g = Float64Array.from(gradients[i]!, (v) => v * clip(norm));
      advance(expected.get(name)!, g, learningRate * lrScale);
    });
    const actual = await variables.read(parameters);
    SHAPES.forEach(([name], i) => {
      const difference = actual[i]!.reduce(
        (most, v, j) => Math.max(most, Math.abs(v - expected.get(name)![j]!)),
        0,
      );
      expect(difference, `${name} after step ${step}`).toBeLessThan(3e-6);
    });
  }
  session.destroy();
  variables.destroy();
}

describe("sgd", () => {
  it("steps against the gradient", () => check(sgd({ lr: 0.1 }), () => ({ step: sgdReference({}) })));

  it("follows a schedule, with momentum, over several arenas", () =>
    check(sgd({ lr: 0.1, momentum: 0.9 }), () => ({ step: sgdReference({ momentum: 0.9 }) }), {
      schedule: (step) => 1 / step,
      maxBindingBytes: 40_000,
    }));

  it("looks ahead by Nesterov's momentum, with weight decay", () =>
    check(sgd({ lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1, decayAll: true }), () => ({
      step: sgdReference({ momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
    })));

  it("does not dampen its first step", () =>
    check(sgd({ lr: 0.1, momentum: 0.8, dampening: 0.5 }), () => ({
      step: sgdReference({ momentum: 0.8, dampening: 0.5 }),
    })));

  it("decays no biases, and groups as they say", () => {
    const groups = [
      { match: "big.*", lrScale: 0.5, weightDecay: 0.3 },
      { match: /^head/, lrScale: 0 },
      { match: (name: string) => name === "front.bias", lrScale: 2 },
    ];
    const scales = { "big.weight": 0.5, "head.weight": 0, "front.bias": 2 } as Record<string, number>;
    return check(sgd({ lr: 0.1, weightDecay: 0.1, groups }), (name) => ({
      step: sgdReference({ weightDecay: name === "front.bias" ? 0 : name === "big.weight" ? 0.3 : 0.1 }),
      lrScale: scales[name] ?? 1,
    }));
  });

  it("clips the global norm and tells it", () =>
    check(
      sgd({ lr: 0.1, momentum: 0.9, clipNorm: 1.5, gradientNorms: true }),
      () => ({ step: sgdReference({ momentum: 0.9 }) }),
      { clip: (norm) => Math.min(1, 1.5 / (norm + 1e-6)), maxBindingBytes: 40_000 },
    ));

  it("leaves a small norm as it is", () =>
    check(sgd({ lr: 0.1, clipNorm: 1e4 }), () => ({ step: sgdReference({}) }), { steps: 2 }));
});

describe("adam", () => {
  it("corrects the bias of its first steps", () =>
    check(adam({ lr: 0.01 }), () => ({ step: adamReference({ decoupled: false }) })));

  it("adds weight decay to the gradient", () =>
    check(adam({ lr: 0.01, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.1, decayAll: true }), () => ({
      step: adamReference({ betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.1, decoupled: false }),
    })));

  it("takes β of 0", () =>
    check(adam({ lr: 0.01, betas: [0, 0], eps: 1e-2 }), () => ({
      step: adamReference({ betas: [0, 0], eps: 1e-2, decoupled: false }),
    })));
});

describe("adamw", () => {
  it("shrinks what decays, clipped, by groups", () => {
    const groups = [{ match: "front.*", lrScale: 0.1 }];
    return check(
      adamw({ lr: 0.01, weightDecay: 0.5, clipNorm: 2, groups }),
      (name) => ({
        step: adamReference({ weightDecay: name.endsWith("bias") ? 0 : 0.5, decoupled: true }),
        lrScale: name.startsWith("front") ? 0.1 : 1,
      }),
      { clip: (norm) => Math.min(1, 2 / (norm + 1e-6)) },
    );
  });
});
