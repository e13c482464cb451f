/** Names of layers in words. */

const OPERATIONS: Readonly<Record<string, string>> = {
  conv2d: "convolution",
  batch_norm: "batch norm",
  activation: "activation",
  add: "sum with the shortcut",
  average: "average of branches",
  concat: "branches side by side",
  dense: "dense layer",
  flatten: "flattening",
  dropout: "dropout",
  global_avg_pool: "average over the map",
  avg_pool2d: "average pooling",
  max_pool2d: "max pooling",
  pad_channels: "channels of zeros added",
};

/** `convolution, batch norm`. */
export const operationsInWords = (operations: readonly string[]): string =>
  operations.map((name) => OPERATIONS[name] ?? name.replaceAll("_", " ")).join(", ");

const PARTS: Readonly<Record<string, string>> = {
  conv: "Convolution",
  bn: "Batch norm",
  fc: "Dense layer",
  layer: "Stage",
  block: "Block",
  downsample: "Shortcut's own layers",
  resnet: "ResNet",
  vgg: "VGG",
  front: "ConvNet in front",
  reduce: "Reduction",
  project: "Projection",
  shortcut: "Shortcut",
};

/** A part of a layer's name in words: `layer2` is stage 2, `0` block 1 of it. */
export function partInWords(part: string): string {
  const [, word = part, number = ""] = /^([a-z_]*?)(\d*)$/i.exec(part) ?? [];
  if (word === "") return `Block ${Number(number) + 1}`;
  const known = PARTS[word] ?? operationsInWords([word]);
  const name = known.charAt(0).toUpperCase() + known.slice(1);
  return number ? `${name} ${number}` : name;
}

/** `layer1.0.conv2` is stage 1, block 1, convolution 2. */
export const layerInWords = (label: string): string =>
  label
    .split(".")
    .map((part, i) => (i === 0 ? partInWords(part) : partInWords(part).toLowerCase()))
    .join(", ");

/** `28 × 28 pixels, 8 channels`. */
export const shapeInWords = (shape: readonly number[]): string =>
  shape.length === 3 ? `${shape[0]} × ${shape[1]} pixels, ${shape[2]} channels` : `${shape[0]} numbers`;
