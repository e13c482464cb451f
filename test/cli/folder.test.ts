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

test("images that cannot be read are named, or left out", async () => {
  const damaged = join(scratch, "damaged");
  const black = png(8, 8, () => [0, 0, 0]);
  for (const name of ["a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "b/4"]) {
    mkdirSync(join(damaged, name, ".."), { recursive: true });
    writeFileSync(join(damaged, `${name}.png`), /b.[12]/.test(name) ? black.subarray(0, 40) : black);
  }
  const args = ["--topology", "convnet", "--data", damaged, "--batch", "1", "--image-size", "8"];
  const refused = await train(args);
  expect(refused.code).toBe(1);
  const one = (i: number) => `  damaged/b/${i}.png is a damaged png image — .*`;
  expect(refused.lines.at(-1)).toMatchObject({
    event: "error",
    message: expect.stringMatching(
      new RegExp(`^damaged: 2 images cannot be used .*\\n${one(1)}\\n${one(2)}$`),
    ),
  });
  const { code, lines } = await train([...args, "--skip-broken", "--plan"]);
  expect(code).toBe(0);
  const skipped = lines.filter(({ event }) => event === "skipped");
  expect(skipped.reduce((sum, { count }) => sum + Number(count), 0)).toBe(2);
  const { examples, testExamples } = lines.find(({ event }) => event === "ready")!;
  expect(Number(examples) + Number(testExamples)).toBe(5);
});
