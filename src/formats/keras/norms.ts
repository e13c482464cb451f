/** Norms: by running statistics, or by those of each image, of all its pixels or of each. */
import { show } from "../../base/schema.ts";
import { channelsOf } from "./convolutions.ts";
import type { KerasImporter, LayerReader, Parts } from "./importer.ts";
import type { Reading } from "./reading.ts";

const AFFINE: Parts = {
  weight: { names: ["gamma"], absent: { option: "scale", value: 1 } },
  bias: { names: ["beta"], absent: { option: "center", value: 0 } },
};
const RUNNING: Parts = {
  ...AFFINE,
  running_mean: { names: ["moving_mean"] },
  running_var: { names: ["moving_variance"] },
};

/** The axes that a norm has, all from the first on. */
const axesOf = (layer: Reading): readonly unknown[] => [layer.option("axis") ?? -1].flat();

/** Whether a layer's axis is that of the channels. */
function isOfChannels(layer: Reading, into: KerasImporter, x: string): boolean {
  const [axis, ...others] = axesOf(layer);
  return others.length === 0 && (axis === -1 || axis === 3 || (axis === 1 && into.isVector(x)));
}

export const NORMS: Readonly<Record<string, LayerReader>> = {
  BatchNormalization(layer, into) {
    const x = layer.value();
    if (!isOfChannels(layer, into, x)) {
      layer.fail(`has axis ${show(axesOf(layer)[0])} instead of the channels, 3 or -1`);
    }
    const eps = layer.number("epsilon", 1e-3);
    // Keras' momentum is the share of the old statistics.
    const momentum = Number((1 - layer.number("momentum", 0.99)).toPrecision(7));
    const name = into.layerName(layer, RUNNING);
    into.add({ type: "batch_norm", name, eps, momentum }, [x], layer.name);
  },
  GroupNormalization(layer, into) {
    const x = layer.value();
    if (!isOfChannels(layer, into, x)) {
      layer.fail(`has axis ${show(layer.option("axis"))} instead of the channels, 3 or -1`);
    }
    const channels = channelsOf(x, into);
    const numGroups = layer.option("groups") === -1 ? channels : layer.count("groups", 32);
    if (channels % numGroups !== 0) {
      layer.fail(`has ${numGroups} groups, which do not divide ${channels} channels`);
    }
    const name = into.layerName(layer, AFFINE);
    into.add({ type: "group_norm", name, numGroups, eps: layer.number("epsilon", 1e-3) }, [x], layer.name);
  },
  LayerNormalization(layer, into) {
    const x = layer.value();
    layer.expect("rms_scaling", false);
    const eps = layer.number("epsilon", 1e-3);
    if (isOfChannels(layer, into, x)) {
      return into.add({ type: "layer_norm", name: into.layerName(layer, AFFINE), eps }, [x], layer.name);
    }
    const axes = axesOf(layer).map((axis) => (typeof axis === "number" && axis < 0 ? axis + 4 : axis));
    const hasNumbers = ["scale", "center"].some((option) => layer.option(option) !== false);
    if (into.isVector(x) || axes.join() !== "1,2,3") {
      layer.fail(
        `has axis ${show(layer.option("axis"))}; read are the channels, -1, and all of a map, [1, 2, 3]`,
      );
    }
    if (hasNumbers) {
      layer.fail(
        "has a weight or bias for each pixel, where one for each channel can be read; GroupNormalization(groups=1) has those",
      );
    }
    into.add({ type: "group_norm", name: into.layerName(layer, AFFINE), numGroups: 1, eps }, [x], layer.name);
  },
};
