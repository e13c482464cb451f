/**
 * Whole networks of other libraries, as their exporters write them: each is read, gives what it gives there, trains, and is
 * written as ONNX and read back. networks.md lists them; `npx vitest run --project chrome networks -u` writes what has changed.
 */
import { expect, it } from "vitest";
import { commands } from "vitest/browser";
import { exportOnnx } from "../../src/formats/onnx/export.ts";
import { importOnnx } from "../../src/formats/onnx/import.ts";
import { pad } from "../../src/graph/tensor.ts";
import { sgd } from "../../src/optimizers/index.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { loadWeights, readTensors } from "../../src/weights/load.ts";
import type { NamedWeights } from "../../src/weights/tensors.ts";
import { relativeError, someImages } from "../support/data/images.ts";
import { BACKBONE_ROWS } from "../support/networks/backbones.ts";
import { KERAS_ROWS } from "../support/networks/keras.ts";
import { ONNX_ROWS } from "../support/networks/onnx.ts";
import type { NetworkRow } from "../support/networks/row.ts";
import { testGpu } from "../support/run/gpu.ts";
import { runModel } from "../support/run/run-model.ts";

/** Allowed difference relative to the largest logit: f32 sums in another order. */
const ROUNDING = 1e-5;

const ROWS: readonly NetworkRow[] = [...ONNX_ROWS, ...KERAS_ROWS, ...BACKBONE_ROWS];

const ABOUT = `# Networks of other libraries

Narrow ones with seeded weights, each in a file as that library's exporter writes it. Read: the logits are those of ONNX
Runtime, Keras or PyTorch, up to ${ROUNDING.toExponential()} of the largest. Trained: two steps, after which every weight with a gradient is another one.
Written: as ONNX, which gives the same in ONNX Runtime and read back. The test beside this file makes the table.`;

type Read = Awaited<ReturnType<NetworkRow["read"]>>;

/** The weights after two steps on these images. */
async function trained({ model, weights }: Read, images: Float32Array<ArrayBuffer>): Promise<NamedWeights> {
  const size = images.length / model.inputShape.reduce((a, b) => a * b);
  const trainer = await Trainer.create({
    ...{ gpu: await testGpu(), model, batchSize: size, tune: "off" },
    optimizer: sgd({ lr: 1e-3, momentum: 0.9 }),
  });
  try {
    await loadWeights(trainer, weights);
    const labels = Int32Array.from({ length: size }, (_, i) => i % model.classes);
    const batch = { images: pad(images, [size, ...model.inputShape]), labels, size };
    for (let step = 0; step < 2; step++) expect((await trainer.trainStep(batch)).loss).toBeLessThan(100);
    return await readTensors(trainer.variables, trainer.weights);
  } finally {
    await trainer.destroy();
  }
}

const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

const isSame = (a: Float32Array, b: Float32Array | undefined): boolean =>
  a.length === b?.length && a.every((value, i) => value === b[i]);

/** What has been found of the networks so far, as lines of the table. */
const lines: string[] = [];

it.each(ROWS)("$network by $source", async ({ network, source, still, batch, read, images, expected }) => {
  const file = await read();
  const { model, weights } = file;
  const shape = [batch, ...model.inputShape] as const;
  const error = relativeError(await runModel(model, weights, images(shape), batch), await expected(shape));
  console.log(`${network}: relative error ${error.toExponential(1)}`);
  expect(error).toBeLessThan(ROUNDING);

  const after = await trained(file, images([2, ...model.inputShape]));
  const unchanged = [...weights].filter(([name, { data }]) => isSame(data, after.get(name)?.data));
  expect(unchanged.map(([name]) => name).filter((name) => !still?.test(name))).toEqual([]);

  const written = exportOnnx(model, after);
  const back = importOnnx(written, { source: "written" });
  for (const [name, { data }] of after) expect(isSame(data, back.weights.get(name)?.data), name).toBe(true);
  const [here, there] = [
    await runModel(back.model, back.weights, someImages(shape), batch),
    await commands.runOnnxBytes(toBase64(written), [...shape]),
  ];
  expect(relativeError(here, there)).toBeLessThan(ROUNDING);

  const count = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  lines.push(`| ${network} | ${source} | ${count} | ✓ | ✓ | ✓ |`);
});

it("they are those of the table", async () => {
  // Where only some of them were asked for, there is no table.
  if (lines.length < ROWS.length) return;
  const head = ["Network", "File", "Weights", "Read", "Trained", "Written"];
  const table = [`| ${head.join(" | ")} |`, `| --- | --- | --: | --- | --- | --- |`, ...lines];
  await expect(`${ABOUT}\n\n${table.join("\n")}\n`).toMatchFileSnapshot("networks.md");
});
