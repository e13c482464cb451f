/** What each layer of a Keras file becomes. */
import { show } from "../../base/schema.ts";
import type { ActivationLike } from "../../layers/index.ts";
import { type Affine, forChannels } from "../affine.ts";
import { CONVOLUTIONS, channelsOf } from "./convolutions.ts";
import type { KerasImporter, LayerReader } from "./importer.ts";
import { NORMS } from "./norms.ts";
import { isExtent, layerActivation, type Reading } from "./reading.ts";
import type { KerasLayer } from "./topology.ts";

const pass: LayerReader = (layer, into) => into.pass(layer);

const activated: LayerReader = (layer, into) => {
  const activation = layerActivation(layer);
  if (activation === "relu6") into.relu6(layer);
  else into.activate(layer.value(), activation, layer.name);
};

/** What x times its own gate is. */
const GATED: Readonly<Record<string, ActivationLike>> = { sigmoid: "silu", hardsigmoid: "hardswish" };

function product(a: string, b: string, to: string, into: KerasImporter): void {
  const gate = into.sole(b, "activation");
  const gated = gate?.from[0] === a && typeof gate.activation === "string" && GATED[gate.activation];
  if (gate && gated) {
    gate.activation = gated;
    into.move(gate, to);
    return;
  }
  const isSwapped = into.isVector(a) && !into.isVector(b);
  into.add({ type: "mul" }, isSwapped ? [b, a] : [a, b], to);
}

/** Reads a layer that joins values, two at a time; or a value and a constant. */
const joined =
  (
    join: (a: string, b: string, to: string, into: KerasImporter) => void,
    affineOf: (numbers: readonly number[], isFirst: boolean) => Affine,
  ): LayerReader =>
  (layer, into) => {
    const constant = layer.constant();
    if (constant) {
      const { numbers, isFirst } = constant;
      const affine = affineOf(numbers, isFirst);
      return into.affine(layer, () => affine);
    }
    const [first, ...others] = layer.values() as [string, ...string[]];
    others.reduce((value, other, i) => {
      const to = i === others.length - 1 ? layer.name : into.fresh(`${layer.name}.${i}`);
      join(value, other, to, into);
      return to;
    }, first);
  };

const quotient: LayerReader = (layer, into) => {
  const { numbers, isFirst } = layer.constant() ?? layer.fail("divides values, which is not read");
  if (isFirst) layer.fail("divides a constant by a value, which is not read");
  const affine = { scale: numbers.map((n) => 1 / n), shift: [0] };
  into.affine(layer, () => affine);
};

const flat = (layer: Reading, into: KerasImporter, features?: number): void => {
  if (into.isEnd(layer.input) || into.isVector(layer.value())) into.pass(layer);
  else into.flatten(layer.value(), features, layer.name);
};

const dropped: LayerReader = (layer, into) => {
  const p = layer.number("rate", 0);
  if (!(p >= 0 && p < 1)) layer.fail(`has the rate ${p}`);
  // With a noise_shape, it drops whole branches of training.
  if (layer.option("noise_shape") !== undefined) return into.pass(layer);
  into.add({ type: "dropout", name: into.layerName(layer, {}), p }, [layer.value()], layer.name);
};

/** Refuses a layer that makes images or maps of another size, unless it leaves this one alone. */
const onlySameSize: LayerReader = (layer, into) => {
  const size = [layer.count("height"), layer.count("width")].join("×");
  const [, H, W] = into.extents(into.peek(layer), into.inputShape);
  if (size !== `${H}×${W}`) {
    layer.fail(`makes ${size} of ${H}×${W} pixels; leave it out of the model, and give images of ${size}`);
  }
  into.pass(layer);
};

/** Keras' least standard deviation of a Normalization. */
const SMALLEST_STD = 1e-7;

/** Layers that leave values alone except in training, or always. */
const PASSED = [
  ...["ActivityRegularization", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity"],
  ...["AutoContrast", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast"],
  ...["RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHeight", "RandomHue"],
  ...["RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation"],
  ...["RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom"],
];

/** How layers of each class are read. */
export const LAYERS: Readonly<Record<string, LayerReader>> = {
  InputLayer(layer, into) {
    // A nested model's input is another name for what it is applied to.
    if (layer.layer.operands.length > 0) into.pass(layer);
  },
  ...CONVOLUTIONS,
  ...NORMS,
  Activation(layer, into) {
    const { activation, softmax } = layer.activation();
    if (activation === "relu6") into.relu6(layer);
    else if (activation) into.activate(layer.value(), activation, layer.name);
    else if (softmax) into.softmax(layer.name, layer.value());
    else into.pass(layer);
  },
  ReLU: activated,
  LeakyReLU: activated,
  ELU: activated,
  PReLU(layer, into) {
    const x = layer.value();
    const isShared = [layer.option("shared_axes") ?? []].flat().length > 0;
    const axes = isShared ? layer.numbers("shared_axes", 0).join() : "";
    const map = { "1,2": channelsOf(x, into), "1,2,3": 1 }[axes];
    const vector = { "": channelsOf(x, into), "1": 1 }[axes];
    const isVector = into.isVector(x);
    const numParameters =
      (isVector ? vector : map) ?? layer.fail(`has shared_axes [${axes}] instead of [1, 2]`);
    const shape = ([C]: readonly number[]) => (isVector ? [C!] : [1, 1, C!]);
    const name = into.layerName(layer, { weight: { names: ["alpha"], shape } });
    into.add({ type: "prelu", name, numParameters }, [x], layer.name);
  },
  Softmax(layer, into) {
    layer.expect("axis", -1, 1);
    into.softmax(layer.name, layer.value());
  },
  ZeroPadding2D: (layer, into) => into.pad(layer.name, layer.value(), layer.sides("padding")),
  Cropping2D: (layer, into) =>
    into.add({ type: "crop2d", cropping: layer.sides("cropping") }, [layer.value()], layer.name),
  UpSampling2D(layer, into) {
    layer.expect("interpolation", "nearest", "bilinear");
    const mode = layer.option("interpolation") === "bilinear" ? "bilinear" : "nearest";
    const kind = { type: "upsample", scaleFactor: layer.pair("size", [2, 2]), mode } as const;
    into.add(kind, [layer.value()], layer.name);
  },
  MaxPooling2D(layer, into) {
    // A max pool ignores its own padding; zeros from another layer are as good only if nothing is negative.
    const from = into.layer(into.value(layer.input, true) ?? "");
    const isPositive = from && "activation" in from && ["relu", "relu6"].includes(String(from.activation));
    const x = layer.value(isPositive && layer.takesPads);
    into.add({ type: "max_pool2d", ...layer.windows() }, [x], layer.name);
  },
  AveragePooling2D(layer, into) {
    const x = layer.value(layer.takesPads);
    // Zeros from another layer count in the mean; the pool's own do not.
    const countIncludePad = into.padsOf(layer.input) !== undefined;
    into.add({ type: "avg_pool2d", ...layer.windows(), countIncludePad }, [x], layer.name);
  },
  // A map of one pixel, of `keepdims`, is a vector here.
  GlobalAveragePooling2D(layer, into) {
    const x = layer.value();
    if (into.isVector(x)) into.pass(layer);
    else into.add({ type: "global_avg_pool", keepPixel: false }, [x], layer.name);
  },
  GlobalMaxPooling2D(layer, into) {
    const x = layer.value();
    if (into.isVector(x)) into.pass(layer);
    else into.add({ type: "global_max_pool", keepPixel: false }, [x], layer.name);
  },
  Flatten: flat,
  Reshape(layer, into) {
    const target = [layer.option("target_shape")].flat();
    const features = target.at(-1);
    const isOpen = features === -1;
    const sound = (isOpen || isExtent(features)) && target.slice(0, -1).every((extent) => extent === 1);
    if (!sound || (target.length !== 1 && target.length !== 3)) {
      layer.fail(`has target_shape ${show(target)}; read are (features) and, of one pixel, (1, 1, channels)`);
    }
    if (target.length === 1) return flat(layer, into, isOpen ? undefined : (features as number));
    if (!into.isEnd(layer.input) && !into.isVector(layer.value())) layer.fail("makes one pixel of several");
    into.pass(layer);
  },
  Add: joined(
    (a, b, to, into) => into.sum(a, b, to),
    (numbers) => ({ scale: [1], shift: numbers }),
  ),
  Multiply: joined(product, (numbers) => ({ scale: numbers, shift: [0] })),
  Subtract: joined(
    (a, b, to, into) => into.add({ type: "sub" }, [a, b], to),
    (numbers, isFirst) =>
      isFirst ? { scale: [-1], shift: numbers } : { scale: [1], shift: numbers.map((n) => -n) },
  ),
  TrueDivide: quotient,
  Divide: quotient,
  Rescaling(layer, into) {
    const affine = { scale: layer.numbers("scale", 1), shift: layer.numbers("offset", 0) };
    into.affine(layer, () => affine);
  },
  Normalization(layer, into) {
    const axis = layer.option("axis") ?? null;
    if (axis !== null && ![-1, 3].includes([axis].flat()[0] as number)) {
      layer.fail(`has axis ${show(axis)} instead of the channels, 3 or -1`);
    }
    layer.expect("invert", false);
    const given = (option: string): readonly number[] | undefined => {
      if (layer.option(option) !== undefined) return layer.numbers(option, 0);
      const values = into.weight(layer.layer, option);
      return values && [...values];
    };
    into.affine(layer, () => {
      const [mean, variance] = [given("mean"), given("variance")];
      if (!mean || !variance) return undefined;
      const channels = Math.max(mean.length, variance.length);
      const scale = forChannels(variance, channels).map((v) => 1 / Math.max(Math.sqrt(v), SMALLEST_STD));
      return { scale, shift: forChannels(mean, channels).map((m, c) => -m * scale[c]!) };
    });
  },
  // The images in the order B, G, R, as preprocess_input of ResNet and VGG makes them.
  GetItem(layer, into) {
    const index = layer.constant()?.numbers ?? [];
    if (index.length !== 1) layer.fail(`has the index [${index.join(", ")}] instead of a channel`);
    into.takeChannel(layer, index[0]!);
  },
  Stack(layer, into) {
    layer.expect("axis", -1, 3);
    into.stackChannels(layer);
  },
  Average: (layer, into) => into.add({ type: "average" }, layer.values(), layer.name),
  Concatenate(layer, into) {
    layer.expect("axis", -1, 3);
    into.add({ type: "concat" }, layer.values(), layer.name);
  },
  Dropout: dropped,
  // Whole channels there, single values here.
  SpatialDropout2D: dropped,
  Resizing: onlySameSize,
  CenterCrop: onlySameSize,
  RandomCrop: onlySameSize,
  ...Object.fromEntries(PASSED.map((type) => [type, pass])),
};

/** What to do about layers that are not read, where there is more to say than that. */
const ADVICE: Readonly<Record<string, string>> = {
  Lambda: "its function is Python's; say it in layers, such as Rescaling",
  UnitNormalization: "train the network with a LayerNormalization in its place",
  Permute: "images are (N, H, W, C) here, as in Keras",
};

/** What is wrong with a file whose layers are not all read; undefined if they are. */
export function unreadable(layers: readonly KerasLayer[]): string | undefined {
  const unknown = layers.filter(({ type }) => !Object.hasOwn(LAYERS, type));
  if (unknown.length === 0) return undefined;
  const types = [...new Set(unknown.map(({ type }) => type))].sort();
  const all = types.map((type) => {
    const names = unknown.filter((layer) => layer.type === type).map(({ name }) => `"${name}"`);
    const some = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
    const advice = Object.hasOwn(ADVICE, type) ? `; ${ADVICE[type]}` : "";
    return `${type} (${some.join(", ")}${advice})`;
  });
  return `uses layers that are not read: ${all.join(", ")}; replace them by others and save the model again`;
}
