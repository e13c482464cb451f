import { describe, expect, it } from "vitest";
import { createDataset, freeze, type Model, Random, sgd, Trainer } from "webgraft";
import { smallModels } from "../support/models/models.ts";
import { testGpu } from "../support/run/gpu.ts";

const BATCH = 4;
const STEPS = 5;

/** As many images of noise as a step takes, so that each step sees all of them. */
function noise({ inputShape: shape, classes }: Model) {
  const random = new Random(5, "noise");
  return createDataset({
    name: "noise",
    shape,
    classes: Array.from({ length: classes }, (_, i) => `${i}`),
    images: Float32Array.from({ length: BATCH * shape[0] * shape[1] * shape[2] }, () => random.normal()),
    labels: Int32Array.from({ length: BATCH }, (_, i) => i % classes),
  });
}

async function losses(model: Model, frozen?: (name: string) => boolean): Promise<number[]> {
  const trainer = await Trainer.create({
    gpu: await testGpu(),
    model,
    optimizer: sgd({ lr: 0.02, momentum: 0.9 }),
    batchSize: BATCH,
    seed: 1,
    ...(frozen && { frozen }),
  });
  const { steps } = await trainer.fit(noise(model), { epochs: STEPS });
  await trainer.destroy();
  return steps.map(({ loss }) => loss);
}

function expectFalling(values: readonly number[]): void {
  expect(values.length).toBe(STEPS);
  expect(
    values.every((loss) => Number.isFinite(loss)),
    values.join(", "),
  ).toBe(true);
  expect(values.at(-1), values.join(", ")).toBeLessThan(values[0]!);
}

describe("topologies", () => {
  // MobileNets and SqueezeNet are trained by test/formats/networks.test.ts.
  const others = smallModels.filter(([name]) => !["mobilenet", "squeezenet"].includes(name));
  it.each(others)("%s trains: its loss falls", async (_, create) => {
    expectFalling(await losses(create()));
  });

  it("sequential trains behind and before a frozen backbone", async () => {
    const [, create] = smallModels.find(([name]) => name === "sequential")!;
    expectFalling(await losses(create(), freeze("resnet.*")));
  });
});
