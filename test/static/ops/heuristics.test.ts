/**
 * What the heuristics choose on GPUs that nobody here has: kept in heuristics.md, so that the diff of a change shows what it
 * does to them. `vitest run --project static heuristics -u` writes it anew.
 */
import { describe, expect, it } from "vitest";
import type { Dispatch } from "../../../src/graph/op.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { costOf } from "../../../src/ops/conv/tile-cost.ts";
import { keptFigures } from "../../bench/lab/figures.ts";
import { GPUS } from "../../bench/model/gpus.ts";
import { launchesOn, NETWORKS } from "../../bench/model/networks.ts";
import { labName } from "../../bench/model/shares.ts";
import { isStrip, isTiled, type Work, workOf } from "../../bench/model/work.ts";

interface Launch extends Work, Pick<Dispatch, "kernel" | "constants"> {
  readonly splits: number;
}

const launches = new Map<string, readonly Launch[]>();
function launchesOf(gpu: string, network: string): readonly Launch[] {
  const key = `${gpu} ${network}`;
  const known = launches.get(key);
  if (known) return known;
  const made = launchesOn(GPUS[gpu]!.device, network).map((dispatch) => ({
    kernel: dispatch.kernel,
    constants: dispatch.constants,
    splits: dispatch.constants.SPLITS ?? 1,
    ...workOf(dispatch),
  }));
  launches.set(key, made);
  return made;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const flopsOf = (those: readonly Launch[]): number => sum(those.map(({ flops }) => flops));
const percent = (share: number): string => (100 * share).toFixed(1);
const range = (numbers: readonly number[]): string => {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? `${least}` : `${least}–${most}`;
};

/** The launches of one network as lines of a Markdown table, one for each kernel of products. */
function tableOf(gpu: string, network: string): string {
  const all = launchesOf(gpu, network);
  const products = all.filter(({ flops }) => flops > 0);
  const names = [...new Set(products.map(({ kernel }) => kernel.name))].sort();
  const lines = names.map((name) => {
    const those = products.filter(({ kernel }) => kernel.name === name);
    const cells = [
      ...[name, those.length, percent(flopsOf(those) / flopsOf(all))],
      ...[(flopsOf(those) / sum(those.map(({ issued }) => issued))).toFixed(2)],
      ...[range(those.map(({ workgroups }) => workgroups)), range(those.map(({ splits }) => splits))],
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const bytes = (sum(all.map((launch) => launch.bytes)) / 1e9).toFixed(2);
  return [
    `${network}: ${all.length} launches, ${(flopsOf(all) / 1e9).toFixed(1)} GFLOP, ${bytes} GB bound`,
    "",
    "| kernel | launches | % of FLOPs | of those issued | workgroups | splits |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}

const gpus = Object.keys(GPUS);
const networks = Object.keys(NETWORKS);
const everywhere = gpus.flatMap((gpu) => networks.map((network) => [gpu, network] as const));

describe("the heuristics' choices on GPUs", () => {
  it("are those of heuristics.md", async () => {
    const tables = gpus.map((gpu) => networks.map((network) => tableOf(gpu, network)).join("\n\n"));
    const alike = [...new Set(tables)].map((table) => {
      const those = gpus.filter((_, i) => tables[i] === table);
      return `## ${those.join(", ")}\n\n${table}`;
    });
    const text = `# What the heuristics choose for a training step\n\n${alike.join("\n\n")}\n`;
    await expect(text).toMatchFileSnapshot("heuristics.md");
  });

  it.each(everywhere)("share operands through workgroup memory: %s, %s", (gpu, network) => {
    const all = launchesOf(gpu, network);
    const alone = all.filter(({ kernel }) => isTiled(kernel) && kernel.slots.share !== "workgroup");
    expect(flopsOf(alone) / flopsOf(all)).toBeLessThan(0.02);
  });

  it.each(everywhere.filter(([gpu]) => GPUS[gpu]!.device.vendor === "intel"))(
    "are kernels whose registers Intel's compiler does not spill: %s, %s",
    (gpu, network) => {
      const figures = keptFigures().gpus[GPUS[gpu]!.lab]!;
      const compiled = launchesOf(gpu, network).filter(
        ({ kernel }) => (isTiled(kernel) && kernel.slots.share === "workgroup") || isStrip(kernel),
      );
      expect(compiled.length).toBeGreaterThan(10);
      for (const launch of compiled) expect(figures[labName(launch)]?.spills, labName(launch)).toBe(0);
    },
  );

  it("know the cost of every kernel", () => {
    const tiled = (Object.values(shaders) as Kernel[]).filter(isTiled);
    expect(tiled.length).toBeGreaterThan(40);
    const product = { slices: 1, rows: 64, columns: 64, depth: 64, deep: true, maxSplits: 1 };
    for (const kernel of tiled)
      expect(costOf(kernel, product, 1, 1, { features: [] }), kernel.name).toBeGreaterThan(0);
  });

  it.each(["rtx4090", "rx7900xtx"])("give all of a large GPU something to do: %s", (gpu) => {
    const all = launchesOf(gpu, "resnet18, 224×224, batch 32");
    const heavy = all.filter(({ flops }) => flops > 0.005 * flopsOf(all));
    expect(heavy.length).toBeGreaterThan(20);
    for (const { kernel, workgroups } of heavy) {
      expect(workgroups * kernel.workgroupSize[0], kernel.name).toBeGreaterThanOrEqual(32768);
    }
  });
});
