/**
 * Kernels that multiply by a GPU's matrix units, derived from those that share through a workgroup's memory. Only an app that
 * gives `matrixUnits` to `openDevice` loads this.
 */
import { type Capabilities, MATRIX_FEATURE, type MatrixUnits } from "../kernel/capabilities.ts";
import { SHARE_MATRIX } from "../kernel/constants.gen.ts";
import { derive } from "../kernel/derive.ts";
import { joinFiles, type SourceFile } from "../kernel/join.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { withSubgroupSize } from "../kernel/subgroup-size.ts";

/** One of `GPUAdapterInfo.subgroupMatrixConfigs`, which WebGPU's types do not have yet. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What kernels can use, the best first: what they multiply, and rows, columns and depth of a product. */
const USABLE = [["f32", 8] as const, ["f16", 16] as const, ["f16", 8] as const];
/** Rows and columns of the squares that `share_matrix` multiplies. */
const SQUARE = 16;
/** The largest subgroups that it is right in. */
const SUBGROUP = 32;

/**
 * For `openDevice({ matrixUnits })`: the tuner then tries the GPU's matrix units too, where the browser has its experimental
 * subgroup matrices (Chrome: chrome://flags/#enable-unsafe-webgpu). Units that multiply f32 serve all training, those
 * that multiply f16 and sum up in f32 serve `precision: "mixed"`.
 *
 * @see https://github.com/gpuweb/gpuweb/blob/main/proposals/subgroup-matrix.md
 */
export function matrixUnits(info: GPUAdapterInfo): readonly MatrixUnits[] {
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const configs = [...subgroupMatrixConfigs];
  const has = (element: string, side: number): boolean =>
    configs.some(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === element && resultComponentType === "f32" && [M, N, K].every((n) => n === side),
    );
  return USABLE.filter(([element, side]) => has(element, side)).map(([element, side]) => ({
    element,
    by(kernel, device) {
      const half = element === "f16" ? ["f16"] : [];
      const enabled = ["chromium_experimental_subgroup_matrix", "subgroups", ...half];
      const matrix = derive(kernel, `matrix_${element}_${side}`, () => {
        const { wgsl, sources } = withSquares(kernel, unitsOf(element, side));
        const directives = enabled.map((name) => `enable ${name};`).join("");
        return {
          wgsl: `${directives}diagnostic(off,chromium.subgroup_matrix_uniformity);${wgsl}`,
          sources,
          features: [...kernel.features, MATRIX_FEATURE, "subgroups", ...half.map(() => "shader-f16")],
        };
      });
      return withSubgroupSize(matrix, subgroupSizeOn(device));
    },
  }));
}

/** What kernels ask for where drivers may choose larger subgroups. */
const subgroupSizeOn = ({ features, subgroupMaxSize = 0 }: Capabilities): number | undefined =>
  subgroupMaxSize > SUBGROUP && features.includes("subgroup-size-control") ? SUBGROUP : undefined;

/** The text of a kernel, of `tile_4x8` and `group_16x8`, that multiplies squares by these units. */
export function withSquares({ wgsl, sources }: Kernel, units: string): Pick<Kernel, "wgsl" | "sources"> {
  const lines = wgsl.split("\n");
  const files = sources.flatMap(([path, first], i): SourceFile[] => {
    if (path === "lib/tile/tile_4x8.wgsl") return []; // The squares have a tile of their own.
    if (path === "lib/share/share_workgroup.wgsl") return [SHARE_MATRIX, ["matrix units", `${units}\n`]];
    const next = sources[i + 1]?.[1];
    return [[path, lines.slice(first - 1, next && next - 1).join("\n") + (next ? "\n" : "")]];
  });
  return joinFiles(...files);
}

/** What `share_matrix` asks of the units, by those of so many rows and columns: a square has one of them or four. */
function unitsOf(element: string, side: number): string {
  const parts = Array.from({ length: SQUARE / side }, (_, i) => i);
  /** Something for each unit of a square, by its row and column. */
  const each = (make: (row: number, column: number) => string, separator = ", "): string =>
    parts.flatMap((row) => parts.map((column) => make(row, column))).join(separator);
  const operand = (name: string, layout: string, at: (row: number, column: number) => string): string => `
alias ${name}Unit = subgroup_matrix_${name.toLowerCase()}<${element}, ${side}, ${side}>;
struct ${name} { ${each((i, j) => `u${i}${j}: ${name}Unit`)} }
fn load_${name.toLowerCase()}(at: u32) -> ${name} {
  return ${name}(${each((i, j) => `subgroupMatrixLoad<${name}Unit, ${layout}>(&panel, at + ${at(i, j)}, PITCH)`)});
}`;
  const at = (line: number, step: number): string => `${side * line}u * PITCH + ${(side * step) / 4}u`;
  const sum = (row: number, column: number): string =>
    parts.reduce(
      (c, step) => `subgroupMatrixMultiplyAccumulate(left.u${row}${step}, right.u${step}${column}, ${c})`,
      `sums.u${row}${column}`,
    );
  const store = (row: number, column: number): string =>
    `subgroupMatrixStore<row_major>(&squares, at + ${side * (SQUARE * row + column)}u, sums.u${row}${column}, ${SQUARE}u);`;
  // Rows begin at whole 16 bytes, as units want, and not all in one bank.
  return `
alias element4 = vec4<${element}>;
const PITCH = ${element === "f16" ? 6 : 5}u;
${operand("Left", "row_major", (row, step) => at(row, step))}
${operand("Right", "col_major", (step, column) => at(column, step))}
alias SumsUnit = subgroup_matrix_result<f32, ${side}, ${side}>;
struct Sums { ${each((i, j) => `u${i}${j}: SumsUnit`)} }
fn plus_square(sums: Sums, left: Left, right: Right) -> Sums { return Sums(${each(sum)}); }
fn store_sums(at: u32, sums: Sums) { ${each(store, " ")} }
fn own_subgroup() -> u32 { return subgroupBroadcastFirst(member.number) / subgroupAdd(1u); }`;
}
