/** What the names of a network's layers tell of it: torchvision's names for them, and its preprocessing. */
import {
  caffePreprocessing,
  imagenetPreprocessing,
  type Preprocessing,
  signedPreprocessing,
} from "../../models/preprocessing.ts";

type Rule = readonly [pattern: RegExp, name: (...groups: (string | undefined)[]) => string];

/** A block's number, from its letter. */
const ofLetter = (letter = ""): number => letter.charCodeAt(0) - "a".charCodeAt(0);

/** The name of a convolution or batch norm of a block; number 0 is the shortcut's. */
function inBlock(stage: number, block: number, which: number, kind: string): string {
  const at = `layer${stage - 1}.${block}`;
  if (which === 0) return `${at}.downsample.${kind === "bn" ? 1 : 0}`;
  return `${at}.${kind}${which}`;
}

const RESNET: readonly Rule[] = [
  [/^conv1_(conv|bn)$/, (kind) => `${kind}1`],
  [
    /^conv(\d+)_block(\d+)_(\d)_(conv|bn)$/,
    (stage, block, which, kind) => inBlock(Number(stage), Number(block) - 1, Number(which), kind!),
  ],
  [/^predictions$/, () => "fc"],
];

/** The names before Keras 2.2.5. */
const OLD_RESNET: readonly Rule[] = [
  [/^conv1$/, () => "conv1"],
  [/^bn_conv1$/, () => "bn1"],
  [
    /^(res|bn)(\d)([a-z])_branch(1|2([abc]))$/,
    (kind, stage, block, branch, letter) =>
      inBlock(
        Number(stage),
        ofLetter(block!),
        branch === "1" ? 0 : ofLetter(letter!) + 1,
        kind === "bn" ? "bn" : "conv",
      ),
  ],
  [/^fc1000$/, () => "fc"],
];

/** The name of a layer of a MobileNetV2's block, the first of which expands nothing. */
function inInverted(block: number, part = "", norm: string | undefined): string {
  const index = ["expand", "depthwise", "project"].indexOf(part) - (block === 0 ? 1 : 0);
  const at = `features.${block + 1}.conv`;
  return part === "project" ? `${at}.${index + (norm ? 1 : 0)}` : `${at}.${index}.${norm ? 1 : 0}`;
}

const MOBILENET_V2: readonly Rule[] = [
  [/^Conv1$/, () => "features.0.0"],
  [/^bn_Conv1$/, () => "features.0.1"],
  [/^expanded_conv_(depthwise|project)(_BN)?$/, (part, norm) => inInverted(0, part, norm)],
  [
    /^block_(\d+)_(expand|depthwise|project)(_BN)?$/,
    (block, part, norm) => inInverted(Number(block), part, norm),
  ],
  [/^Conv_1(_bn)?$/, (norm) => `features.18.${norm ? 1 : 0}`],
  [/^predictions$/, () => "classifier.1"],
];

const VGG_HEAD: Readonly<Record<string, string>> = {
  fc1: "classifier.0",
  fc2: "classifier.3",
  predictions: "classifier.6",
};

/** What is known of one of keras.applications. */
export interface Conventions {
  /** From Keras' names of the layers with weights to torchvision's. */
  readonly names?: ReadonlyMap<string, string>;
  /** The preprocessing of its weights, for images of three colours. */
  readonly preprocessing?: (inputShape: readonly [number, number, ...unknown[]]) => Preprocessing;
}

/** The layers by which networks of −1…1 are known: ResNetV2, MobileNet, Xception, Inception. */
const SIGNED = ["conv2_block1_preact_bn", "conv_dw_1", "block1_conv1_bn", "mixed0", "mixed_5b"];
/** DenseNet's. */
const IMAGENET = ["conv2_block1_0_bn", "conv2_block1_concat"];

/** The conventions of the network that has layers of these names; none if it is not known. */
export function conventionsOf(layers: ReadonlySet<string>): Conventions {
  const has = (name: string): boolean => layers.has(name);
  if (SIGNED.some(has)) return { preprocessing: signedPreprocessing };
  if (IMAGENET.every(has)) return { preprocessing: imagenetPreprocessing };
  if (has("bn_Conv1")) return { names: renamed(layers, MOBILENET_V2), preprocessing: signedPreprocessing };
  if (has("block1_conv1")) return { names: vggNames(layers), preprocessing: caffePreprocessing };
  const rules = has("conv1_conv") ? RESNET : has("res2a_branch2a") ? OLD_RESNET : undefined;
  return rules ? { names: renamed(layers, rules), preprocessing: caffePreprocessing } : {};
}

function renamed(layers: ReadonlySet<string>, rules: readonly Rule[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const layer of layers) {
    for (const [pattern, name] of rules) {
      const match = pattern.exec(layer);
      if (match) names.set(layer, name(...match.slice(1)));
    }
  }
  return names;
}

/** VGG's convolutions are numbered among all layers of `features`, ReLUs and pools included. */
function vggNames(layers: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>();
  let index = 0;
  for (let block = 1; layers.has(`block${block}_conv1`); block++) {
    for (let i = 1; layers.has(`block${block}_conv${i}`); i++) {
      names.set(`block${block}_conv${i}`, `features.${index}`);
      index += 2;
    }
    index++;
  }
  for (const layer of layers) if (Object.hasOwn(VGG_HEAD, layer)) names.set(layer, VGG_HEAD[layer]!);
  return names;
}
