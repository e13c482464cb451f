/** Whole networks of Keras in TensorFlow.js' layers format: fixtures/keras/README.md. */
import { importKeras } from "../../../src/formats/keras/import.ts";
import { type KerasExpected, kerasPixels } from "../models/keras.ts";
import type { NetworkRow } from "./row.ts";

const row = (name: string, network: string): NetworkRow => {
  const place = (file: string): URL => new URL(`../fixtures/keras/${name}/${file}`, import.meta.url);
  return {
    ...{ network, source: "Keras 3, `tensorflowjs_converter`", batch: 2 },
    // A norm that follows takes a shift away, even through a convolution.
    still: /\.bias$/,
    read: () => importKeras(place("model.json")),
    // What the models' preprocessing makes of pixels, or the network itself in Keras.
    images: (shape) => kerasPixels(shape).map((pixel) => pixel / 127.5 - 1),
    async expected() {
      const { output }: KerasExpected = await (await fetch(place("expected.json"))).json();
      return output;
    },
  };
};

export const KERAS_ROWS: readonly NetworkRow[] = [
  row("mobilenetv2", "MobileNetV2"),
  row("mobilenetv3small", "MobileNetV3-small"),
  row("resnet50v2", "ResNet-50 v2"),
  row("transfer", "MobileNet, nested under a new head"),
];
