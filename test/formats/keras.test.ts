/** Our outputs, from the GPU, against those of TensorFlow.js' CPU backend: fixtures/keras/README.md. */
import { expect, it } from "vitest";
import { importKeras } from "../../src/formats/keras/import.ts";
import { relativeError } from "../support/data/images.ts";
import { type KerasExpected, kerasImages, softmaxRows } from "../support/models/keras.ts";
import { runModel } from "../support/run/run-model.ts";

/** Allowed difference relative to the largest output: f32 sums in another order. */
const ROUNDING = 1e-5;

it.each([
  ["resnet50", true],
  ["vgg16", true],
  ["small", false],
])("%s gives what TensorFlow.js gives", async (name, softmax) => {
  const place = (file: string) => new URL(`../support/fixtures/keras/${name}/${file}`, import.meta.url);
  const { shape, output }: KerasExpected = await (await fetch(place("expected.json"))).json();
  const { model, weights } = await importKeras(place("model.json"));
  const logits = await runModel(model, weights, kerasImages(shape), shape[0]);
  const error = relativeError(softmax ? softmaxRows(logits, model.classes) : logits, output);
  console.log(`${name}: relative error ${error.toExponential(1)}`);
  expect(error).toBeLessThan(ROUNDING);
});
