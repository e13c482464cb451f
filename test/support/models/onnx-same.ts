/** What small ONNX graphs are read as, for tests that run in Node. */
import { expect } from "vitest";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { relativeError, someImages } from "../data/images.ts";
import { runOnnx } from "./onnx.ts";

/** f32 sums in another order. */
const ROUNDING = 1e-5;

/** The layers that a file is read as, by their types. */
export const typesIn = (file: Uint8Array): string[] =>
  (importOnnx(file).model.options.layers as readonly { type: string }[]).map(({ type }) => type);

/**
 * Expects that what a file is read as gives in ONNX Runtime, exported, what the file itself gives there, and so does what
 * that is read as.
 */
export async function expectSame(file: Uint8Array<ArrayBuffer>, batch = 2): Promise<void> {
  const { model, weights } = importOnnx(file);
  const shape = [batch, ...model.inputShape] as const;
  const images = someImages(shape);
  const expected = await runOnnx(file, images, shape);
  const written = exportOnnx(model, weights);
  const back = importOnnx(written, { source: "written" });
  const again = exportOnnx(back.model, back.weights);
  for (const each of [written, again]) {
    expect(relativeError(await runOnnx(each, images, shape), expected)).toBeLessThan(ROUNDING);
  }
}
