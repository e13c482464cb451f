/** A classifier of one number with a sigmoid goes on with a folder of two classes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { exportOnnx } from "../../src/formats/onnx/export.ts";
import { importOnnx } from "../../src/formats/onnx/import.ts";
import { createModel, multiLabel } from "../../src/models/index.ts";
import { decodeSafetensors, float32Values } from "../../src/weights/safetensors.ts";
import { png } from "../support/data/png.ts";
import { seededWeights } from "../support/data/seeded.ts";
import { train } from "../support/runner/command.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-binary-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("a file of one number and a sigmoid goes on with a folder of two classes", async () => {
  const images = join(scratch, "images");
  for (const [name, red] of [
    ["blue", 10],
    ["red", 240],
  ] as const) {
    mkdirSync(join(images, name), { recursive: true });
    for (let i = 0; i < 10; i++) {
      const file = png(16, 16, (x, y) => [red, (9 * x * i) % 250, (250 - red + y) % 250]);
      writeFileSync(join(images, name, `${i}.png`), file);
    }
  }
  const binary = multiLabel(createModel("convnet", { inputShape: [16, 16, 3], classes: 1 }));
  const weights = seededWeights(binary, 3);
  const file = join(scratch, "binary.onnx");
  const bytes = exportOnnx(binary, weights, { probabilities: true });
  writeFileSync(file, bytes);
  expect(importOnnx(bytes).model).toMatchObject({ classes: 2 });

  const out = join(scratch, "run");
  const { code, lines } = await train([
    ..."--topology convnet --image-size 16 --batch 4 --epochs 4 --freeze conv1.*".split(" "),
    ...["--data", images, "--weights", file, "--out", out],
  ]);
  expect(code).toBe(0);
  expect(lines.find(({ event }) => event === "weights")).toMatchObject({
    ...{ file, missing: [], unexpected: [], adapted: [], unfolded: [], differences: [] },
    mismatched: [
      { name: "fc.weight", expected: [2, 2048], got: [1, 2048] },
      { name: "fc.bias", expected: [2], got: [1] },
    ],
  });
  // The head is a new one, and learns.
  expect(lines.at(-1)).toMatchObject({ event: "done", steps: 16, testExamples: 4, testAccuracy: 1 });

  const { tensors } = decodeSafetensors(readFileSync(join(out, "model.safetensors")), "model");
  const values = (name: string) => float32Values(name, tensors.get(name)!);
  expect(values("conv1.weight")).toEqual(weights.get("conv1.weight")!.data);
  const [before, after] = [weights.get("block1.conv1.weight")!.data, values("block1.conv1.weight")];
  expect(after).not.toEqual(before);
  expect(after.every((value, i) => Math.abs(value - before[i]!) < 0.1)).toBe(true);
});
