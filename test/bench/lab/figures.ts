/** Figures by GPU and kernel, as they are kept in figures.json, and what has become worse since. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FILE = fileURLToPath(new URL("figures.json", import.meta.url));

/** Each is better smaller, or better larger. */
const BETTER = {
  registers: "smaller",
  spills: "smaller",
  fills: "smaller",
  lds: "smaller",
  waves: "larger",
  width: "smaller",
  instructions: "smaller",
  bytes: "smaller",
  sends: "smaller",
  fmaShare: "larger",
  share: "larger",
  dualShare: "larger",
  wavefronts: "smaller",
  wavefrontsByHalves: "smaller",
} as const;

export type Figures = { readonly [name in keyof typeof BETTER]?: number };

export interface FigureFile {
  readonly versions: Readonly<Record<string, string>>;
  /** By GPU, then by kernel. */
  readonly gpus: Readonly<Record<string, Readonly<Record<string, Figures>>>>;
}

/** What is kept; nothing where there is no file yet. */
export function keptFigures(): FigureFile {
  if (!existsSync(FILE)) return { versions: {}, gpus: {} };
  return JSON.parse(readFileSync(FILE, "utf8")) as FigureFile;
}

/** Shares to a tenth of a percent: their last digits are no news. */
export const rounded = (figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(1000 * value) / 1000]));

/** Keeps figures in place of those of the same GPUs, or with `all` false, of the same kernels. */
export function keep({ versions, gpus }: FigureFile, all: boolean): void {
  const kept = keptFigures();
  const merged = Object.entries(gpus).map(([gpu, kernels]) => [
    gpu,
    all ? kernels : { ...kept.gpus[gpu], ...kernels },
  ]);
  const file = {
    versions: { ...kept.versions, ...versions },
    gpus: { ...kept.gpus, ...Object.fromEntries(merged) },
  };
  writeFileSync(FILE, `${JSON.stringify(file, null, 2)}\n`);
}

/** Figures that are worse than the kept ones by more than `tolerance`, one sentence each. */
export function worse(now: FigureFile, kept: FigureFile, tolerance = 0.05): string[] {
  return Object.entries(now.gpus).flatMap(([gpu, kernels]) =>
    Object.entries(kernels).flatMap(([kernel, figures]) =>
      Object.entries(kept.gpus[gpu]?.[kernel] ?? {}).flatMap(([name, before]) => {
        const figure = name as keyof typeof BETTER;
        const after = figures[figure];
        if (after === undefined) return [];
        const isWorse =
          BETTER[figure] === "smaller" ? after > before * (1 + tolerance) : after < before * (1 - tolerance);
        return isWorse ? [`${gpu}: ${kernel}: ${name} ${before} → ${after}`] : [];
      }),
    ),
  );
}
