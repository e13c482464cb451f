import { createModel, type Model, topologyNames } from "../../../src/models/index.ts";

const resnet = { name: "resnet20", width: 8 };
const vgg = { name: "vgg11", width: 4, hidden: 16, dropout: 0.1 };
const small = { inputShape: [32, 32, 3], classes: 4 } as const;

/** Options that make each topology small enough for a GPU emulated by two CPU cores. */
const OPTIONS: Readonly<Record<string, object>> = {
  sequential: { ...small, inputShape: [40, 40, 3], backbone: resnet },
  interleaved: {},
  fusion: { ...small, backbone: resnet, vgg, hidden: 16 },
  features: { ...small, backbone: resnet, stage: 2, width: 8, dropout: 0.1 },
  stacked: { inputShape: [20, 20, 3], classes: 4, depth: 14, widths: [4, 6, 10], shortcuts: "all" },
  convnet: {},
  resnet: { ...small, backbone: resnet },
  vgg: { ...small, backbone: vgg },
  mobilenet: {
    ...{ ...small, inputShape: [40, 40, 3] },
    backbone: { name: "mobilenet_v3_small", widthMult: 0.25, dropout: 0.1 },
  },
  squeezenet: { ...small, inputShape: [20, 20, 3] },
};

/** A small model of each topology; a new topology needs options above. */
export const smallModels: readonly (readonly [name: string, create: () => Model])[] = topologyNames().map(
  (name) => {
    const options = OPTIONS[name];
    if (!options)
      throw new Error(`test/support/models/models.ts has no options for ${name} — add small ones`);
    return [name, () => createModel(name, { ...options })];
  },
);
