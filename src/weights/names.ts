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
}

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
  {
    // MobileNetV2, whose blocks torchvision counts through all stages.
    name: "timm",
    landmarks: ["conv_stem.weight"],
    rules: /* @__PURE__ */ mobilenetOfTimm(),
  },
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

function mobilenetOfTimm(): readonly Rule[] {
  return [
    ["conv_stem.*", "features.0.0.*"],
    ["bn1.*", "features.0.1.*"],
    ["blocks.0.0.conv_dw.*", "features.1.conv.0.0.*"],
    ["blocks.0.0.bn1.*", "features.1.conv.0.1.*"],
    ["blocks.0.0.conv_pw.*", "features.1.conv.1.*"],
    ["blocks.0.0.bn2.*", "features.1.conv.2.*"],
    ...[2, 4, 7, 11, 14, 17].flatMap((first, i): readonly Rule[] => {
      const [theirs, ours] = [`blocks.${i + 1}.{B}.`, `features.{B+${first}}.conv.`];
      return [
        [`${theirs}conv_pw.*`, `${ours}0.0.*`],
        [`${theirs}bn1.*`, `${ours}0.1.*`],
        [`${theirs}conv_dw.*`, `${ours}1.0.*`],
        [`${theirs}bn2.*`, `${ours}1.1.*`],
        [`${theirs}conv_pwl.*`, `${ours}2.*`],
        [`${theirs}bn3.*`, `${ours}3.*`],
      ];
    }),
    ["conv_head.*", "features.18.0.*"],
    ["bn2.*", "features.18.1.*"],
    ["classifier.*", "classifier.1.*"],
  ];
}

/** Whether it counts the batches that a batch norm has seen, which PyTorch stores and nothing here needs. */
export const isBatchCount = (name: string): boolean => /(^|\.)num_batches_tracked$/.test(name);

/** The name of the batch count that goes with a running mean. */
export const batchCountOf = (runningMean: string): string =>
  runningMean.replace(/running_mean$/, "num_batches_tracked");

/** How the names of a file are read. */
export interface NameMap {
  /** `torchvision`, `timm` or `transformers`; torchvision if the names need no translation. */
  readonly convention: string;
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
  for (const { name: convention, landmarks, rules } of CONVENTIONS) {
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
        best = { convention, prefix, names, unexpected, surplus };
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
