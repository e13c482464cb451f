/**
 * The names of tensors in files. Our own names are torchvision's; others are translated by the rules below: `{A}`
 * stands for a number, `{A+1}` for the next one and so on, `*` for the rest. A name that no rule matches stays as it is.
 */

type Rule = readonly [theirs: string, ours: string];

interface Convention {
  readonly name: string;
  /** A tensor of each kind of model, which shows the prefix that a wrapper has put before all names. */
  readonly landmarks: readonly string[];
  readonly rules: readonly Rule[];
  /** What its batch norms add to the variance, which no file of weights says, where all that have these names agree. */
  readonly eps?: number;
}

/** A convolution and its batch norm, which are numbers `at` and `at + 1` of a module here. */
const convolution = (conv: string, norm: string, ours: string, at = 0): readonly Rule[] => [
  [`${conv}.*`, `${ours}.${at}.*`],
  [`${norm}.*`, `${ours}.${at + 1}.*`],
];

const EXPANDED = ["conv_pw", "conv_dw", "conv_pwl"];
const SQUEEZED = ["conv_pw", "conv_dw", "se", "conv_pwl"];

/**
 * A MobileNet with timm's names. Its stages begin with a number of torchvision's, which counts all blocks, and have these layers,
 * which torchvision counts too; in `conv`, of version 2, the last two have no module of their own. All have the same `eps`.
 */
const mobilenetOfTimm = (
  ours: "conv" | "block",
  stages: readonly (readonly [first: number, layers: readonly string[]])[],
  end: readonly Rule[],
): Convention => ({
  name: "timm",
  landmarks: ["conv_stem.weight"],
  eps: 1e-5,
  rules: [
    ...convolution("conv_stem", "bn1", "features.0"),
    ...stages.flatMap(([first, layers], stage) => {
      const [from, to] = [`blocks.${stage}.{B}.`, `features.{B+${first}}.${ours}`];
      let norms = 0;
      return layers.flatMap((layer, i): readonly Rule[] => {
        if (layer === "se") {
          return [
            [`${from}se.conv_reduce.*`, `${to}.${i}.fc1.*`],
            [`${from}se.conv_expand.*`, `${to}.${i}.fc2.*`],
          ];
        }
        const norm = `${from}bn${++norms}`;
        return ours === "conv" && i === layers.length - 1
          ? convolution(from + layer, norm, to, i)
          : convolution(from + layer, norm, `${to}.${i}`);
      });
    }),
    ...end,
  ],
});

const CONVENTIONS: readonly Convention[] = [
  {
    name: "torchvision",
    landmarks: ["layer1.0.conv1.weight", "features.0.weight", "features.0.0.weight"],
    rules: [],
  },
  {
    // ResNets have torchvision's names; VGG's classifier consists of convolutions.
    name: "timm",
    landmarks: ["features.0.weight"],
    rules: [
      ["pre_logits.fc1.*", "classifier.0.*"],
      ["pre_logits.fc2.*", "classifier.3.*"],
      ["head.fc.*", "classifier.6.*"],
    ],
  },
  /* @__PURE__ */ mobilenetOfTimm(
    "conv",
    [[1, ["conv_dw", "conv_pw"]], ...[2, 4, 7, 11, 14, 17].map((first) => [first, EXPANDED] as const)],
    [...convolution("conv_head", "bn2", "features.18"), ["classifier.*", "classifier.1.*"]],
  ),
  // Version 3, small, of which torchvision's eps is another one.
  /* @__PURE__ */ mobilenetOfTimm(
    "block",
    [
      [1, ["conv_dw", "se", "conv_pw"]],
      [2, EXPANDED],
      ...[4, 7, 9].map((first) => [first, SQUEEZED] as const),
    ],
    [
      ...convolution("blocks.5.0.conv", "blocks.5.0.bn1", "features.12"),
      // A convolution of the pooled map, which has one pixel.
      ["conv_head.*", "classifier.0.*"],
      ["classifier.*", "classifier.3.*"],
    ],
  ),
  {
    name: "transformers",
    landmarks: ["embedder.embedder.convolution.weight"],
    rules: [
      ["embedder.embedder.convolution.*", "conv1.*"],
      ["embedder.embedder.normalization.*", "bn1.*"],
      ["encoder.stages.{S}.layers.{L}.shortcut.convolution.*", "layer{S+1}.{L}.downsample.0.*"],
      ["encoder.stages.{S}.layers.{L}.shortcut.normalization.*", "layer{S+1}.{L}.downsample.1.*"],
      ["encoder.stages.{S}.layers.{L}.layer.{K}.convolution.*", "layer{S+1}.{L}.conv{K+1}.*"],
      ["encoder.stages.{S}.layers.{L}.layer.{K}.normalization.*", "layer{S+1}.{L}.bn{K+1}.*"],
      ["classifier.1.*", "fc.*"],
    ],
  },
];

/** Whether it counts the batches that a batch norm has seen, which PyTorch stores and nothing here needs. */
export const isBatchCount = (name: string): boolean => /(^|\.)num_batches_tracked$/.test(name);

/** The name of the batch count that goes with a running mean. */
export const batchCountOf = (runningMean: string): string =>
  runningMean.replace(/running_mean$/, "num_batches_tracked");

/** How the names of a file are read. */
export interface NameMap {
  /** `torchvision`, `timm` or `transformers`; torchvision if the names need no translation. */
  readonly convention: string;
  /** The eps of that library's batch norms, where it is known. */
  readonly eps?: number;
  /** The prefix of the names, such as `module.`. */
  readonly prefix: string;
  /** From our names of the wanted tensors to the file's. */
  readonly names: ReadonlyMap<string, string>;
  /** The file's names of tensors that are not wanted, or that occur again. */
  readonly unexpected: readonly string[];
  /** Those of them that are under the prefix, with our names. */
  readonly surplus: readonly { readonly ours: string; readonly theirs: string }[];
}

/**
 * Finds the convention and the wrapper's prefix under which a file has most of the wanted tensors, the shorter prefix of
 * two; the tensors under the other one are unexpected. `map` takes a
 * torchvision name and gives the name here, or undefined for a tensor to skip.
 */
export function matchNames(
  fileNames: readonly string[],
  wanted: ReadonlySet<string>,
  map: (name: string) => string | undefined = (name) => name,
): NameMap {
  let best: NameMap | undefined;
  for (const { name: convention, landmarks, rules, eps } of CONVENTIONS) {
    const translate = translator(rules);
    for (const prefix of prefixes(fileNames, landmarks)) {
      const names = new Map<string, string>();
      const unexpected: string[] = [];
      const surplus: { ours: string; theirs: string }[] = [];
      for (const theirs of fileNames) {
        const ours = map(translate(theirs.startsWith(prefix) ? theirs.slice(prefix.length) : theirs));
        if (ours === undefined) continue;
        if (wanted.has(ours) && !names.has(ours)) names.set(ours, theirs);
        else {
          unexpected.push(theirs);
          if (theirs.startsWith(prefix)) surplus.push({ ours, theirs });
        }
      }
      // A shorter prefix is the plainer one: model. beside ema_model.
      const isPlainer =
        convention === best?.convention &&
        names.size === best.names.size &&
        prefix.length < best.prefix.length;
      if (!best || names.size > best.names.size || isPlainer)
        best = { convention, prefix, names, unexpected, surplus, ...(eps !== undefined && { eps }) };
    }
  }
  return best!;
}

/** The possible prefixes: none, what all names have in common up to a dot, and what comes before a landmark. */
function prefixes(names: readonly string[], landmarks: readonly string[]): Set<string> {
  let common = names[0] ?? "";
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1);
  const found = names.flatMap((name) =>
    landmarks.filter((landmark) => name.endsWith(`.${landmark}`)).map((l) => name.slice(0, -l.length)),
  );
  return new Set(["", common.slice(0, common.lastIndexOf(".") + 1), ...found]);
}

function translator(rules: readonly Rule[]): (name: string) => string {
  const compiled = rules.map(([theirs, ours]) => {
    const pattern = theirs
      .replaceAll(".", "\\.")
      .replaceAll(/\{(\w)\}/g, "(?<$1>\\d+)")
      .replace("*", "(?<rest>.+)");
    return [new RegExp(`^${pattern}$`), ours] as const;
  });
  return (name) => {
    for (const [pattern, ours] of compiled) {
      const groups = pattern.exec(name)?.groups;
      if (!groups) continue;
      return ours
        .replace(/\{(\w)\+?(\d*)\}/g, (_, letter, more) => String(Number(groups[letter]) + Number(more)))
        .replace("*", () => groups.rest!);
    }
    return name;
  };
}
