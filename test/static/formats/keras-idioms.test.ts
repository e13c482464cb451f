/** What Keras 3 makes of its layers, each alone and in pairs, as fixtures/keras/README.md says. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importKeras } from "../../../src/formats/keras/import.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import type { Model } from "../../../src/models/index.ts";
import { relativeError } from "../../support/data/images.ts";
import { kerasPixels } from "../../support/models/keras.ts";
import { runOnnx } from "../../support/models/onnx.ts";

interface Idiom {
  readonly name: string;
  readonly output: readonly number[];
  /** Base64. */
  readonly weights: string;
  readonly model: object;
}

const file = new URL("../../support/fixtures/keras/idioms.json", import.meta.url);
const idioms: readonly Idiom[] = JSON.parse(readFileSync(file, "utf8"));

const filesOf = ({ model, weights }: Idiom) =>
  new Map([
    ["model.json", new TextEncoder().encode(JSON.stringify(model))],
    ["weights.bin", new Uint8Array(Buffer.from(weights, "base64"))],
  ]);

const named = (name: string): Idiom => idioms.find((idiom) => idiom.name === name)!;

const SHAPE = [2, 8, 8, 3] as const;

/** What a model's preprocessing makes of pixels. */
function normalised({ preprocessing }: Model): Float32Array<ArrayBuffer> {
  const pixels = kerasPixels(SHAPE, 1);
  if (!preprocessing) return pixels;
  const { mode, mean, std } = preprocessing;
  return pixels.map((pixel, i) => {
    const c = i % 3;
    if (mode === "torch") return (pixel / 255 - mean[c]!) / std[c]!;
    return (pixels[i - c + 2 - c]! - mean[c]!) / std[c]!;
  });
}

describe("importKeras", () => {
  const read = idioms.filter(({ name }) => name !== "a layer twice");

  it.each(read)("reads $name as Keras computes it", async (idiom) => {
    const { model, weights } = await importKeras(filesOf(idiom));
    const actual = await runOnnx(exportOnnx(model, weights), normalised(model), SHAPE);
    expect(relativeError(actual, idiom.output)).toBeLessThan(1e-5);
  });

  it("refuses a layer that is applied twice", async () => {
    await expect(importKeras(filesOf(named("a layer twice")))).rejects.toThrow(
      'Conv2D "shared" is applied 2 times, to share its weights, where each layer can be read only once',
    );
  });

  it.each<[string, RegExp, string, RegExp]>([
    [
      "LayerNormalization of all",
      /"scale": ?false/,
      '"scale":true',
      /LayerNormalization "layer_normalization_3" has a weight or bias for each pixel, where one for each channel/,
    ],
    [
      "LayerNormalization",
      /"axis": ?\[?-1\]?/,
      '"axis":[1,2]',
      /has axis \[1, 2\]; read are the channels, -1, and all/,
    ],
    [
      "LayerNormalization",
      /"rms_scaling": ?false/,
      '"rms_scaling":true',
      /has rms_scaling true instead of false/,
    ],
    [
      "LayerNormalization",
      /"LayerNormalization"/,
      '"UnitNormalization"',
      /UnitNormalization \(".*"; train the network with/,
    ],
    [
      "GroupNormalization",
      /"groups": ?2/,
      '"groups":3',
      /GroupNormalization "group_normalization" has 3 groups, which do/,
    ],
    ["GroupNormalization", /"axis": ?-1/, '"axis":1', /has axis 1 instead of the channels, 3 or -1/],
    [
      "Conv2DTranspose",
      /"padding": ?"valid"(?=[^}]*"output_padding)/,
      '"padding":"causal"',
      /has padding "causal" instead of/,
    ],
    [
      "Conv2DTranspose, output_padding",
      /"output_padding": ?\[1, ?0\]/,
      '"output_padding":[2,0]',
      /output padding must be smaller/,
    ],
  ])("refuses %s with %s as %s", async (name, before, after, message) => {
    const idiom = named(name);
    const text = JSON.stringify(idiom.model);
    const changed = text.replace(before, after);
    expect(changed).not.toBe(text);
    await expect(importKeras(filesOf({ ...idiom, model: JSON.parse(changed) }))).rejects.toThrow(message);
  });
});
