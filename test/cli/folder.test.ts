import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSafetensors } from "../../src/weights/safetensors.ts";
import { png } from "../support/data/png.ts";
import { train } from "../support/runner/command.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-folder-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const images = join(scratch, "images");
const first = join(scratch, "first");

/** Of wide images, red in the middle and blue at both ends, or the other way round: only the middle counts. */
beforeAll(() => {
  for (const [name, middle] of [
    ["red", 0],
    ["blue", 2],
  ] as const) {
    mkdirSync(join(images, name), { recursive: true });
    for (let i = 0; i < 10; i++) {
      const pixel = (x: number): [number, number, number] => {
        const colour: [number, number, number] = [10 * i, 10 * i, 10 * i];
        colour[x >= 6 && x < 18 ? middle : 2 - middle] = 250;
        return colour;
      };
      writeFileSync(join(images, name, `${i}.png`), png(24, 12, pixel));
    }
  }
});

const tensorsOf = (file: string) => decodeSafetensors(readFileSync(file), file).tensors;

test("a folder of images is trained on, stopped, gone on with, and its weights taken on", async () => {
  const args = ["--topology", "convnet", "--data", images, "--image-size", "16", "--batch", "4"];
  const stopped = await train([...args, "--epochs", "3", "--out", first], "epoch");
  expect(stopped.code).toBe(130);
  const event = (name: string) => stopped.lines.find((line) => line.event === name);
  expect(stopped.lines.filter((line) => line.event === "decoding").at(-1)).toMatchObject({
    split: "test",
    done: 4,
    total: 4,
  });
  expect(event("ready")).toMatchObject({
    classes: ["blue", "red"],
    imageShape: [16, 16, 3],
    totalSteps: 12,
    testExamples: 4,
    settings: { data: images, imageSize: 16, examples: 16 },
  });

  const checkpoint = stopped.lines.at(-1)!.file as string;
  const extra = join(images, "red", "extra.png");
  writeFileSync(
    extra,
    png(1, 1, () => [0, 0, 0]),
  );
  const refused = await train(["--resume", checkpoint]);
  expect(refused.lines.at(-1)!.message).toMatch(/have changed since the run began/);
  rmSync(extra);
  const resumed = await train(["--resume", checkpoint]);
  expect(resumed.code).toBe(0);
  expect(resumed.lines.at(-1)).toMatchObject({ event: "done", steps: 12, testAccuracy: 1 });

  const weights = join(first, "model.safetensors");
  const second = join(scratch, "second");
  const more = ["--epochs", "1", "--weights", weights, "--freeze", "conv1.*", "block1.*", "--out", second];
  const tuned = await train([...args, ...more, "--per-class", "5", "--cache-features"]);
  expect(tuned.code).toBe(0);
  const computed = tuned.lines.filter(({ event, split }) => event === "caching" && split === "train");
  expect(computed.at(-1)).toMatchObject({ done: 10, total: 10 });
  const report = tuned.lines.find((line) => line.event === "weights")!;
  expect(report).toMatchObject({ file: weights, prefix: "", missing: [], unexpected: [], mismatched: [] });
  const [before, after] = [tensorsOf(weights), tensorsOf(join(second, "model.safetensors"))];
  const changed = [...after].filter(([name, { bytes }]) => bytes.join() !== before.get(name)!.bytes.join());
  expect(changed.map(([name]) => name)).toContain("fc.weight");
  expect(changed.filter(([name]) => /^(conv1|block1)\./.test(name))).toEqual([]);
});

test("an image that cannot be read is named", async () => {
  const damaged = join(scratch, "damaged");
  for (const name of ["a", "b"]) {
    mkdirSync(join(damaged, name), { recursive: true });
    for (const i of [1, 2])
      writeFileSync(
        join(damaged, name, `${i}.png`),
        png(8, 8, () => [0, 0, 0]),
      );
  }
  writeFileSync(join(damaged, "b", "1.png"), png(8, 8, () => [0, 0, 0]).subarray(0, 40));
  writeFileSync(join(damaged, "b", "2.png"), png(8, 8, () => [0, 0, 0]).subarray(0, 40));
  const { code, lines } = await train(["--data", damaged, "--batch", "1", "--image-size", "8"]);
  expect(code).toBe(1);
  expect(lines.at(-1)).toMatchObject({
    event: "error",
    message: expect.stringMatching(/^damaged\/b\/\d\.png is a damaged png image — /),
  });
});
