import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { exportOnnx } from "../../src/formats/onnx/export.ts";
import { createModel } from "../../src/models/index.ts";
import { decodeSafetensors, float32Values } from "../../src/weights/safetensors.ts";
import { seededWeights } from "../support/data/seeded.ts";
import { train } from "../support/runner/command.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-weights-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A Keras model of one convolution, whose weights are beside it in two files that cut one in two. */
function writeKeras(path: string, kernel: Float32Array, bias: Float32Array): void {
  const layer = (class_name: string, name: string, config: object, from: string[]) => ({
    ...{ class_name, name, config: { name, ...config } },
    inbound_nodes: from.length > 0 ? [from.map((input) => [input, 0, 0, {}])] : [],
  });
  const conv = { filters: 16, kernel_size: [3, 3], strides: [1, 1], padding: "same" };
  const layers = [
    layer("InputLayer", "input", { batch_input_shape: [null, null, null, 1] }, []),
    layer("Conv2D", "conv1", conv, ["input"]),
  ];
  const weights = [
    { name: "conv1/kernel", shape: [3, 3, 1, 16], dtype: "float32" },
    { name: "conv1/bias", shape: [16], dtype: "float32" },
  ];
  const outer = { input_layers: [["input", 0, 0]], output_layers: [["conv1", 0, 0]] };
  const model = {
    format: "layers-model",
    modelTopology: { class_name: "Functional", config: { name: "keras", layers, ...outer } },
    weightsManifest: [{ paths: ["one.bin", "two.bin"], weights }],
  };
  writeFileSync(join(path, "model.json"), JSON.stringify(model));
  const bytes = new Uint8Array(Float32Array.of(...kernel, ...bias).buffer);
  writeFileSync(join(path, "one.bin"), bytes.subarray(0, 100));
  writeFileSync(join(path, "two.bin"), bytes.subarray(100));
}

test("a run begins with weights of ONNX and Keras files, those of colour images adapted to grey ones", async () => {
  const colour = createModel("convnet", { inputShape: [28, 28, 3], classes: 7 });
  const weights = seededWeights(colour, 3);
  writeFileSync(join(scratch, "colour.onnx"), exportOnnx(colour, weights));
  const kernel = Float32Array.from({ length: 144 }, (_, i) => (i - 70) / 512);
  const bias = Float32Array.from({ length: 16 }, (_, i) => i / 64);
  writeKeras(scratch, kernel, bias);

  const files = [join(scratch, "colour.onnx"), join(scratch, "model.json")];
  const args = "--topology convnet --examples 8 --batch 4 --test-examples 4".split(" ");
  const frozen = ["conv1.*", "block1.*"];
  const out = join(scratch, "run");
  // The second has the first layer alone.
  const given = ["--weights", ...files, "--partial-weights", "--freeze", ...frozen];
  const { code, lines } = await train([...args, ...given, "--out", out]);
  expect(code).toBe(0);
  const [onnx, keras] = lines.filter(({ event }) => event === "weights");
  expect(onnx).toMatchObject({
    ...{ file: files[0], missing: [], unexpected: [], differences: [] },
    mismatched: [
      { name: "fc.weight", expected: [10, 6272], got: [7, 6272] },
      { name: "fc.bias", expected: [10], got: [7] },
    ],
    adapted: [{ name: "conv1.weight", from: [16, 3, 3, 3], to: [16, 1, 3, 3] }],
  });
  expect(keras).toMatchObject({ file: files[1], loaded: ["conv1.weight", "conv1.bias"], unexpected: [] });

  const model = readFileSync(join(out, "model.safetensors"));
  const { tensors } = decodeSafetensors(model, "model");
  const valuesOf = (name: string) => float32Values(name, tensors.get(name)!);
  // (R, S, C, K) there, [K, C, R, S] here: the first tap of each kernel.
  expect(valuesOf("conv1.weight").filter((_, i) => i % 9 === 0)).toEqual(kernel.subarray(0, 16));
  expect(valuesOf("conv1.bias")).toEqual(bias);
  expect(valuesOf("block1.conv1.weight")).toEqual(weights.get("block1.conv1.weight")!.data);
  expect(valuesOf("block2.conv1.weight")).not.toEqual(weights.get("block2.conv1.weight")!.data);
});

test("a file that is no weights ends the run with what it is instead", async () => {
  const file = join(scratch, "resnet18.pth");
  writeFileSync(file, "PK\u0003\u0004 and the rest");
  const { code, lines } = await train(["--examples", "8", "--batch", "4", "--weights", file]);
  expect(code).toBe(1);
  expect(lines.at(-1)!.message).toMatch(/resnet18\.pth: is a zip file, as PyTorch/);
});
