/** Our own backbones, with the weights and images of fixtures/backbones/make.py, whose logits PyTorch has computed. */
import { createModel, inspect } from "../../../src/models/index.ts";
import { fileShape } from "../../../src/weights/layout.ts";
import { matchNames } from "../../../src/weights/names.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";
import type { NetworkRow } from "./row.ts";

const CLASSES = 7;
const INPUT_SHAPE = [45, 38, 3] as const;

/** Uniform in [−1, 1): the finaliser of MurmurHash3 of the index, from the FNV-1a hash of a name on. */
function noise(name: string, length: number): Float64Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619);
  return Float64Array.from({ length }, (_, i) => {
    let h = seed + i;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** A weight with which no activation dies or grows. */
function weight(name: string, shape: readonly number[]): Float64Array {
  const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);
  const values = noise(name, product(shape));
  if (shape.length > 1) {
    const bound = Math.sqrt(6 / product(shape.slice(1)));
    return values.map((v) => bound * v);
  }
  if (name.endsWith("running_var")) return values.map((v) => 1 + 0.5 * v);
  const centre = (): number => {
    // Less in the stages of ResNets, where shortcuts add up.
    if (name.endsWith("weight")) return name.startsWith("layer") ? 0.8 : 1;
    // SqueezeNet's logits go through a ReLU, and most would be zero.
    return name === "classifier.1.bias" ? 3 : 0;
  };
  const middle = centre();
  return values.map((v) => 0.2 * v + middle);
}

/** A file beside make.py. */
async function fixture<T>(name: string): Promise<Readonly<Record<string, T>>> {
  return (await fetch(new URL(`../fixtures/backbones/${name}`, import.meta.url))).json();
}

/** Our network, with weights under the names of the published one: timm's, if that is called otherwise. */
function row(
  network: string,
  title: string,
  source: string,
  options: object = {},
  still?: NetworkRow["still"],
  published = network,
): NetworkRow {
  return {
    ...{ network: title, source, batch: 2, ...(still && { still }) },
    async read() {
      const model = createModel(network, { ...options, inputShape: INPUT_SHAPE, classes: CLASSES });
      const { parameters, states } = inspect(model);
      const variables = [...parameters, ...states];
      const ours = variables.map(({ name }) => name);
      const { timm } = (await fixture<{ readonly timm?: object }>("names.json"))[network] ?? {};
      const theirs = published === network ? ours : Object.keys(timm!);
      const { names } = matchNames(theirs, new Set(ours));
      const weights: NamedWeights = new Map(
        variables.map((variable) => {
          const { name } = variable;
          const shape = fileShape(variable);
          return [name, { shape, data: Float32Array.from(weight(names.get(name)!, shape)) }];
        }),
      );
      return { model, weights };
    },
    images: (shape) =>
      Float32Array.from(
        noise(
          "images",
          shape.reduce((a, b) => a * b, 1),
        ),
      ),
    expected: async () => (await fixture<number[]>("logits.json"))[published]!,
  };
}

const [TORCHVISION, TIMM] = ["torchvision, weights by name", "timm, weights by name"] as const;

/** The biases of a block's last norm, which no activation follows: the next norm takes a constant away again. */
const LAST_BIASES = /\.(conv\.[23]|block\.[23]\.1)\.bias$/;

export const BACKBONE_ROWS: readonly NetworkRow[] = [
  row("mobilenet_v2", "MobileNetV2", TORCHVISION, { widthMult: 0.25 }, LAST_BIASES),
  row("mobilenet_v3_small", "MobileNetV3-Small", TORCHVISION, { widthMult: 0.25 }, LAST_BIASES),
  row("mobilenet_v2", "MobileNetV2", TIMM, { widthMult: 0.35 }, LAST_BIASES, "mobilenetv2_035"),
  row(
    ...(["mobilenet_v3_small", "MobileNetV3-Small", TIMM, { norm: { eps: 1e-5 } }] as const),
    ...([LAST_BIASES, "mobilenetv3_small_100"] as const),
  ),
  row("resnext50_32x4d", "ResNeXt-50 32×4d", TORCHVISION, { width: 16 }),
  row("resnet18d", "ResNet-18-D", TIMM, { width: 16 }),
  row("squeezenet1_1", "SqueezeNet 1.1", TORCHVISION),
];
