/** MobileNetV2 on a folder of images, from files as people have them of torchvision's. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { hashString } from "../../src/base/random.ts";
import { decodeOnnx } from "../../src/formats/onnx/model-proto.ts";
import { decodeSafetensors, encodeSafetensors, float32Values } from "../../src/weights/safetensors.ts";
import { png } from "../support/data/png.ts";
import { train } from "../support/runner/command.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-mobilenet-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const fixture = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../support/fixtures/backbones/${name}`, import.meta.url)));

/** Weights with which no activation dies, different ones for each name; those of vectors are all `vector`. */
function weight(name: string, shape: readonly number[], vector: number): Float32Array<ArrayBuffer> {
  const length = shape.reduce((a, b) => a * b, 1);
  if (shape.length === 1) return new Float32Array(length).fill(vector);
  const bound = Math.sqrt((6 * shape[0]!) / length);
  const first = hashString(name) % 4001;
  return Float32Array.from({ length }, (_, i) => bound * ((((first + 7919 * i) % 4001) * 2) / 4001 - 1));
}

/** torchvision's exporter leaves most weights in a file beside the ONNX file. */
function writeOnnx(path: string): ReadonlyMap<string, Float32Array> {
  const file = fixture("mobilenet_v2.onnx");
  writeFileSync(path, file);
  const weights = new Map<string, Float32Array>();
  const parts: { at: number; bytes: Uint8Array }[] = [];
  for (const { name, shape, external } of decodeOnnx(new Uint8Array(file), "file").tensors.values()) {
    if (!external) continue;
    const values = weight(name, shape, 0.5);
    weights.set(name, values);
    parts.push({ at: external.offset, bytes: new Uint8Array(values.buffer) });
  }
  const data = new Uint8Array(Math.max(...parts.map(({ at, bytes }) => at + bytes.length)));
  for (const { at, bytes } of parts) data.set(bytes, at);
  writeFileSync(`${path}.data`, data);
  return weights;
}

/** A state dict of torchvision's, as `safetensors.torch.save_file` writes it. */
function writeSafetensors(path: string): void {
  const { mobilenet_v2 } = JSON.parse(fixture("names.json").toString());
  const tensors = Object.entries(mobilenet_v2.tensors as Record<string, number[]>).map(
    ([name, shape]) => [name, { shape, data: weight(name, shape, 1), dtype: "F32" }] as const,
  );
  writeFileSync(path, encodeSafetensors(new Map(tensors), { format: "pt" }));
}

test("MobileNetV2 goes on from torchvision's file and its exporter's of today", async () => {
  const images = join(scratch, "images");
  for (const [name, red] of [
    ["red", 250],
    ["blue", 10],
  ] as const) {
    mkdirSync(join(images, name), { recursive: true });
    for (let i = 0; i < 5; i++) {
      const file = png(32, 32, (x, y) => [red, (8 * x * i) % 250, (260 - red + y) % 250]);
      writeFileSync(join(images, name, `${i}.png`), file);
    }
  }
  const [plain, exported] = [join(scratch, "plain.safetensors"), join(scratch, "mobilenet_v2.onnx")];
  writeSafetensors(plain);
  const weights = writeOnnx(exported);
  const out = join(scratch, "run");
  const { code, lines } = await train([
    ..."--topology mobilenet --backbone mobilenet_v2 --image-size 32 --batch 4 --epochs 1".split(" "),
    ...["--data", images, "--weights", plain, exported, "--freeze", "features.0.*", "--out", out],
  ]);
  expect(lines.at(-1)).toMatchObject({ event: "done", steps: 2, testExamples: 2 });
  expect(code).toBe(0);

  const [first, second] = lines.filter(({ event }) => event === "weights");
  const head = [
    { name: "classifier.1.weight", expected: [2, 1280], got: [1000, 1280] },
    { name: "classifier.1.bias", expected: [2], got: [1000] },
  ];
  const rest = { missing: [], unexpected: [], adapted: [], differences: [], mismatched: head };
  expect(first).toMatchObject({ file: plain, unfolded: [], ...rest });
  expect(second).toMatchObject({ file: exported, ...rest });
  const unfolded = second!.unfolded as string[];
  expect([unfolded.length, unfolded[0], unfolded.at(-1)]).toEqual([52, "features.0.1", "features.18.1"]);

  const { tensors } = decodeSafetensors(readFileSync(join(out, "model.safetensors")), "model");
  const values = (name: string) => float32Values(name, tensors.get(name)!);
  expect(values("features.0.0.weight")).toEqual(weights.get("features.0.0.weight"));
  const trained = values("features.18.0.weight").map(
    (value, i) => value - weights.get("features.18.0.weight")![i]!,
  );
  expect(trained.every((change) => Math.abs(change) < 0.02)).toBe(true);
  expect(trained.some((change) => change !== 0)).toBe(true);
  // A frozen norm only adds what the folding left; one that trains has statistics again.
  expect(values("features.0.1.running_var").every((value) => value === Math.fround(1 - 1e-5))).toBe(true);
  expect(new Set(values("features.1.conv.0.1.running_var")).size).toBe(32);
});
