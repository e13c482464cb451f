/** What a study found, as Markdown. */
import { verdict } from "../../src/race/verdict.ts";
import { type Band, type Bands, distinct, missingOf, percent, recorded, seedCount } from "./report.ts";

const NOT_RUN = "not run yet";

/** The bands, where they come from and what is missing, and the networks compared by seed. */
export function tableOf(bands: Bands): string {
  const { cells } = bands;
  const most = Math.max(...cells.map(({ seeds }) => seeds.length));
  const accuracy = ({ seeds, mean, lowest, highest }: Band): string => {
    if (mean === undefined) return NOT_RUN;
    if (seeds.length === 1) return `${percent(mean)} (one seed)`;
    const n = seeds.length === most ? "" : `, n = ${seeds.length}`;
    return `${percent(mean)} (${percent(lowest!)}–${percent(highest!)}${n})`;
  };
  const gradient = ({ gradient }: Band): string =>
    gradient ? `${gradient.first} ÷ ${gradient.last}` : NOT_RUN;
  const columns = distinct(cells, "depth").map((depth) => `${depth} layers`);
  const rows = distinct(cells, "name").map((name) => {
    const row = cells.filter((cell) => cell.name === name);
    return [name, ...row.map(accuracy), ...row.map(gradient)];
  });
  return [
    ...markdown(["Network", ...columns, ...columns.map((column) => `gradient, ${column}`)], rows),
    "",
    origin(bands),
    "",
    ...markdown(["Points, by seed", ...columns], comparisons(cells)),
  ].join("\n");
}

const markdown = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`);

function origin(bands: Bands): string {
  const { setting, browsers, machines, commits, dates } = bands;
  const days = [...new Set(dates.map((date) => date.slice(0, 10)))];
  const text =
    `Per cent of ${setting.testImages?.toLocaleString("en")} test images right, mean (lowest–highest) of ${seedCount(bands)} seeds; ` +
    `${recorded(bands)}${missingOf(bands)}. Gradient: the norm for the weights of the first convolution ÷ that for ` +
    "the last, before the first update, mean of the seeds.";
  if (days.length === 0) return text;
  return `${text} ${[...browsers, ...machines].join(", ")}; commit ${commits.join(", ")}; ${days.join(" to ")}.`;
}

/** Pairs with the graft or the ResNet, and for each depth the verdict about them. */
function comparisons(cells: readonly Band[]): string[][] {
  const lanes = distinct(cells, "name");
  const seeds = [...new Set(cells.flatMap(({ seeds }) => seeds))];
  const verdicts = distinct(cells, "depth").map((depth) => {
    const row = cells.filter((cell) => cell.depth === depth);
    const accuraciesOf = (seed: number): (number | null)[] =>
      row.map(({ seeds, accuracies }) => accuracies[seeds.indexOf(seed)] ?? null);
    return verdict({ lanes, seeds: seeds.map((seed) => ({ seed, accuracies: accuraciesOf(seed) })) });
  });
  const pairs = lanes.flatMap((lane, i) => lanes.slice(i + 1).map((other) => [lane, other]));
  return pairs.flatMap(([lane, other], i) => {
    if (![lane, other].some((name) => name === "graft" || name === "ResNet")) return [];
    const inWords = verdicts.map(({ comparisons }) => {
      const { lane, outcome, differences, sentence } = comparisons[i]!;
      if (differences.length === 0) return NOT_RUN;
      return outcome === "ahead" ? `${lane} ${sentence}` : sentence;
    });
    return [[`${lane}, ${other}`, ...inWords]];
  });
}

/** A document with what stands between the comments `<!-- name -->` and `<!-- /name -->` replaced. */
export function withTable(document: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [before, rest, ...more] = document.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (after === undefined || more.length > 0) {
    throw new Error(`the document must have the line ${begin} once and ${end} after it`);
  }
  return `${before}${begin}\n\n${table}\n\n${end}${after}`;
}
