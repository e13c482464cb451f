/** What the lab reads from the output of compilers, on listings short enough to count by hand. */
import { describe, expect, it } from "vitest";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import { worse } from "../../bench/lab/figures.ts";
import {
  derived,
  isFor,
  isPlain,
  isShared,
  kernelsNamed,
  launchConstants,
  panelNumbers,
  panelWork,
  turnWork,
} from "../../bench/lab/kernels.ts";
import { sharedReads, wavefronts } from "../../bench/lab/nvidia/shared-reads.ts";
import { readAmd } from "../../bench/lab/read/amd.ts";
import { readIntel } from "../../bench/lab/read/intel.ts";
import { readSass } from "../../bench/lab/read/sass.ts";
import { isWhole } from "../../bench/lab/read/turn.ts";
import { WgslArithmetic } from "../../bench/lab/wgsl.ts";

/** One block of depth is 64 multiply-adds, and a panel four blocks. */
const NUMBERS = { TILE_ROWS: 4, TILE_COLUMNS: 4, GROUP_ROWS: 8, GROUP_COLUMNS: 8, PANEL: 4 };
const WORK = panelWork(NUMBERS);

const times = (count: number, line: string): string => `${line}\n`.repeat(count);

describe("what RADV prints", () => {
  const sums = `${times(2, "ds_load_b128 v[0:3], v4 ; d9dc")}${times(64, "v_fmac_f32_e32 v0, v1, v2")}`;
  const loads = `buffer_load_b128 v[0:3], v0, s[0:3], 0 offen
v_mul_lo_u32 v0, v1, v2
ds_store_b128 v0, v[0:3]
`;
  const listing = (loops: string): string => `
disasm:
BB0:
  v_mov_b32_e32 v9, 0
  s_branch BB7
an earlier shader

disasm:
BB0:
  v_fma_f32 v0, v1, v2, v3
${loops}
BB9:
  s_endpgm

*** SHADER STATS ***
VGPRs: 72
SGPRs: 40
Spilled VGPRs: 3
Spilled SGPRs: 1
LDS size: 4096
Subgroups per SIMD: 14
`;
  const inner = `BB1:\n${loads}BB2:\n${sums}s_cbranch_scc1 BB2\nv_mov_b32_e32 v9, 0\ns_cbranch_scc1 BB1`;

  it("counts a loop over the blocks of a panel as often as it runs", () => {
    const { figures, turn, wave } = readAmd(listing(inner), WORK);
    expect(wave).toBe(64);
    expect(turn).toMatchObject({ fma: 256, vector: 258, slow: 1, moves: 1, stores: 1 });
    expect([turn.ldsBytes, turn.loadBytes]).toEqual([16 + 4 * 2 * 16, 16]);
    expect(figures).toMatchObject({ registers: 72, spills: 4, lds: 4096, waves: 14 });
    expect(figures.fmaShare).toBeCloseTo(256 / 258);
    // 258 instructions and three more of the slow one's cycles, against 144 cycles of workgroup memory.
    expect(figures.share).toBeCloseTo(256 / 261);
    expect(isWhole(turn, WORK)).toBe(true);
  });

  it("finds the same turn where the loop is unrolled, and within a loop over taps", () => {
    const unrolled = `BB1:\n${loads}${sums.repeat(4)}v_mov_b32_e32 v9, 0\ns_cbranch_scc1 BB1`;
    const { turn } = readAmd(listing(inner), WORK);
    expect(readAmd(listing(unrolled), WORK).turn).toEqual(turn);
    const taps = `BB8:\n${times(30, "v_add_u32 v0, v1, v2")}${inner}\ns_cbranch_scc0 BB8`;
    expect(readAmd(listing(taps), WORK).turn).toEqual(turn);
  });

  it("leaves out what unrolling by a number that may not divide the panel leaves over", () => {
    const twice = `BB2:\n${sums.repeat(2)}s_cbranch_scc1 BB2\nBB3:\n${sums}s_cbranch_scc1 BB3\nv_mov_b32_e32 v9, 0`;
    const { turn } = readAmd(listing(`BB1:\n${loads}${twice}\ns_cbranch_scc1 BB1`), WORK);
    expect(turn).toEqual(readAmd(listing(inner), WORK).turn);
  });

  it("counts paired multiply-adds of waves of 32 as two in one instruction", () => {
    const pair = "v_dual_fmac_f32 v0, v1, v2 :: v_dual_fmac_f32 v3, v4, v5\n";
    const loop = `BB1:\ns_and_b32 exec_lo, s0, s1\nds_store_b32 v0, v1\n${pair.repeat(128)}s_branch BB1`;
    const { figures, turn, wave } = readAmd(listing(loop), WORK);
    expect([wave, turn.fma, turn.vector]).toEqual([32, 256, 128]);
    expect([figures.share, figures.dualShare]).toEqual([2, 1]);
  });

  it("tells a loop that was misread", () => {
    const { turn } = readAmd(listing(inner.replace("ds_store_b128", "v_nop")), WORK);
    expect(isWhole(turn, WORK)).toBe(false);
    expect(() => readAmd("nothing", WORK)).toThrow("the driver printed no instructions");
  });
});

it("what ANV prints is read for the width that it takes, the last", () => {
  const mad = "mad(8) g1<1>F g2<8,8,1>F g3<8,8,1>F g4<1,1,1>F { align1 1Q };";
  const listing = `Native code for unnamed compute shader
SIMD16 shader: 9 instructions. 0 loops. 1 cycles. 40:50 spills:fills, 1 sends
Native code for unnamed compute shader
SIMD8 shader: 300 instructions. 2 loops. 99 cycles. 2:5 spills:fills, 9 sends
   START B0 (2 cycles)
mov(8) g1<1>F g2<8,8,1>F { align1 1Q };
   END B0 ->B1
   START B1 <-B0 <-B2 (2 cycles)
send(8) nullUD g1UD 0x1 slm MsgDesc: ( store, a32 ) { align1 1Q };
   END B1 ->B2
   START B2 <-B1 <-B2 (2 cycles)
send(8) g1UD g1UD 0x1 slm MsgDesc: ( load, a32 ) { align1 1Q };
${times(64, mad)}
while(8) JIP: LABEL0 { align1 1Q };
   END B2 ->B2 ->B3
   START B3 <-B2 (2 cycles)
(+f0.0) while(8) JIP: LABEL1 { align1 1Q };
   END B3 ->B1 ->B4
`;
  const { figures, turn } = readIntel(listing, WORK);
  expect(turn).toEqual({ fma: 256, products: 0, all: 2 + 4 * 66, sends: 1 + 4, stores: 1 });
  expect(figures).toEqual({ width: 8, spills: 2, fills: 5, fmaShare: 256 / 266 });
});

it("what NVIDIA's tools print is read, with unrolled sums", () => {
  const listing = `Function conv: REG:72 STACK:8 SHARED:4096 LOCAL:0
.L_x_0:
        /*0000*/                   STS.128 [R0], R4 ;
${times(256, "        /*0010*/                   FFMA R0, R1, R2, R0 ;")}
        /*0020*/              @P0 BRA \`(.L_x_0) ;
`;
  const { figures, turn } = readSass(listing, WORK);
  expect(turn).toEqual({ fma: 256, products: 0, stores: 1, all: 258 });
  expect(figures).toEqual({ registers: 72, spills: 8, lds: 4096, fmaShare: 256 / 258 });
});

describe("kernels that share nothing", () => {
  /** A turn of 8 multiply-adds makes two vec4s. */
  const work = { block: 8, blocks: 1, outputs: 2 };

  it("are read in their innermost loop, where each product counts, however it is added, for each vec4 of output", () => {
    const listing = `
disasm:
BB0:
BB1:
${times(9, "v_fma_f32 v0, v1, v2, v3")}BB2:
${times(3, "buffer_load_dwordx4 v[0:3], v0, s[0:3], 0 offen")}${times(2, "v_mul_f32_e32 v0, v1, v2")}${times(6, "v_fmac_f32_e32 v0, v1, v2")}${times(2, "v_add_f32_e32 v0, v1, v2")}s_cbranch_scc1 BB2
s_cbranch_scc1 BB1
s_endpgm
`;
    const { figures, turn } = readAmd(listing, work);
    expect(turn).toMatchObject({ fma: 8, vector: 10 });
    expect(figures).toMatchObject({ instructions: 5, bytes: 24, fmaShare: 0.8 });
    // 8 multiply-adds of a wave take 16 cycles, 48 bytes of 64 lanes 24, of which the two SIMDs of a compute unit want as many.
    expect(figures.share).toBeCloseTo(16 / 48);
    expect(isWhole(turn, work)).toBe(true);
    expect(isWhole(turn, { ...work, block: 16 })).toBe(false);
  });

  it("have a vec4 for as many multiply-adds where both sides of a branch count", () => {
    const line = (op: string) => `${op} g1<1>F g2<8,8,1>F g3<8,8,1>F { align1 1Q };`;
    const listing = `Native code for unnamed compute shader
SIMD8 shader: 19 instructions. 1 loops. 9 cycles. 0:0 spills:fills, 4 sends
   START B0 (2 cycles)
   END B0 ->B1
   START B1 <-B0 <-B1 (2 cycles)
${times(4, line("mul(8)"))}${times(10, line("mad(8)"))}${times(4, line("send(8)"))}
mul(8) g1<1>D g2<8,8,1>D g3<8,8,1>UW { align1 1Q };
(+f0.0) while(8) JIP: LABEL0 { align1 1Q };
   END B1 ->B1 ->B2
`;
    const { figures, turn } = readIntel(listing, work);
    expect(turn).toMatchObject({ fma: 14, all: 20, sends: 4 });
    expect(figures.instructions).toBeCloseTo((20 * 8) / 14 / 2);
    expect(figures.sends).toBeCloseTo((4 * 8) / 14 / 2);
  });

  it("are those for depthwise convolutions, by window, stride and lines, as GPUs get them", () => {
    const found = kernelsNamed(["conv2d_depthwise_*"]);
    expect(found.every(isPlain)).toBe(true);
    expect(found.some(isShared)).toBe(false);
    const on = (gpu: string) =>
      found.filter((kernel) => isFor(kernel, gpu)).map(({ name }) => name.replace("conv2d_depthwise_", ""));
    const strides = (name: string, lines = "") => [1, 2].map((stride) => `${name}_stride_${stride}${lines}`);
    expect(on("tgl").sort()).toEqual([
      ...[...strides("forward_3x3"), ...strides("forward_5x5", "_lines_2")],
      ...["grad_input_3x3_stride_2", "grad_input_5x5_stride_2_lines_2"],
      ...[3, 5].flatMap((window) =>
        strides(`grad_weight_column_${window}x${window}`).flatMap((name) => [
          ...[name, `${name}_lines_1`, `${name}_lines_2`],
        ]),
      ),
    ]);
    expect(on("navi31").length).toBe(found.length);
    const [forward, , gradInput] = found;
    // Nine taps of four lines of a vec4; a quarter of them for each of eight; three taps of a column.
    expect([turnWork(forward!).block, turnWork(gradInput!).block]).toEqual([9 * 16, (9 * 32) / 4]);
    const [column] = kernelsNamed(["conv2d_depthwise_grad_weight_column_3x3_*"]);
    expect(turnWork(column!)).toEqual({ block: 3 * 16, blocks: 1, outputs: 4 / 3 });
    expect(launchConstants(forward!)).toEqual({ HAS_BIAS: 0, ACCUMULATE: 0 });
    expect(forward!.wgsl).toContain("override WINDOW: u32 = 3u;");
  });
});

describe("arithmetic of WGSL", () => {
  const text = `
const BLOCKS = ROWS * min(STEPS, 8u);  // before its parts
const ROWS = 4u;
const STEPS = 16u;
var<workgroup> panel: array<vec4f, BLOCKS>;
var<private> number: u32;
struct Pair { a: u32, b: u32 }
fn swap(pair: Pair) -> Pair { return Pair(pair.b, pair.a); }
fn set(n: u32) { number = n; }
fn at(step: u32) -> u32 {
  if (step < 2u) { return step * ROWS + (number ^ step); }
  return select(step, 7u, step == 3u) - 3u;
}
fn load(step: u32, x: vec4f) -> vec4f { return panel[at(step)] * x; }
fn branch(x: vec4f) -> u32 { if (x.x > 0.0) { return 1u; } return 2u; }
`;

  it("computes constants, structs and what is read", () => {
    const reads: unknown[] = [];
    const shader = new WgslArithmetic(text, (array, indices) => reads.push([array, ...indices]));
    expect(shader.constant("BLOCKS")).toBe(32);
    expect(shader.call("swap", { a: 1, b: 2 })).toEqual({ a: 2, b: 1 });
    shader.call("set", 3);
    expect([0, 1, 2, 3].map((step) => shader.call("at", step))).toEqual([3, 6, 0xffffffff, 4]);
    expect(shader.call("load", 1, undefined)).toBeUndefined();
    expect(reads).toEqual([["panel", 6]]);
  });

  it("says what it does not know", () => {
    const shader = new WgslArithmetic(text);
    expect(() => shader.call("branch", undefined)).toThrow("an unknown condition");
    expect(() => shader.call("nothing")).toThrow("no function nothing");
  });
});

describe("reads of workgroup memory on NVIDIA's GPUs", () => {
  it("take a wavefront for each vec4 that falls on the same banks", () => {
    expect(wavefronts([0, 1, 2, 3, 4, 5, 6, 7])).toBe(1);
    expect(wavefronts([5, 5, 5, 5])).toBe(1);
    expect(wavefronts([0, 8, 16, 1])).toBe(3);
  });

  /** One warp of a 4x4 tile: `row` and `column` of an invocation, and where its row is in the panel. */
  const reads = (row: string, column: string, at: string) =>
    sharedReads(
      {
        workgroupSize: [32, 1, 1],
        wgsl: `
const COLUMN_STRIDE = 8u;
var<workgroup> panel_rows: array<array<vec4f, 64>, 4>;
var<workgroup> panel_columns: array<array<vec4f, 64>, 4>;
struct Origin { row: u32, column: u32 }
var<private> own: u32;
fn tile_origin(group: u32, local: u32, rows: u32, columns: u32) -> Origin { own = ${row}; return Origin(own, ${column}); }
fn operand_place(rows4: u32, number: u32, cursor: u32) -> u32 { return own; }
fn operand_rows(place: u32, step: u32) -> vec4f { return panel_rows[0][${at}]; }
fn operand_columns(step: u32, column: u32) -> vec4f { return panel_columns[0][8u * step + column]; }
`,
      } as unknown as Kernel,
      NUMBERS,
    );
  // A read of each operand for each of four blocks, and 256 multiply-adds, issued in 64 cycles.
  const cycles = 64;

  it("conflict where rows are as far from each other as the banks go", () => {
    expect(reads("local / 8u", "local % 8u", "8u * place + step")).toEqual({
      wavefronts: (4 * (4 + 1)) / cycles,
      wavefrontsByHalves: (4 * (4 + 4)) / cycles,
    });
    expect(reads("local / 8u", "local % 8u", "8u * step + place")).toEqual({
      wavefronts: (4 * (1 + 1)) / cycles,
      wavefrontsByHalves: (4 * (2 + 4)) / cycles,
    });
  });

  it("can be computed of the kernels there are", () => {
    for (const kernel of kernelsNamed(["conv2d_forward_*"]).filter(isPlain)) {
      const numbers = panelNumbers(kernel);
      expect(numbers.GROUP_ROWS * numbers.GROUP_COLUMNS, kernel.name).toBe(kernel.workgroupSize[0]);
      const { wavefronts, wavefrontsByHalves } = sharedReads(kernel, numbers);
      expect(wavefronts, kernel.name).toBeGreaterThan(0);
      expect(wavefrontsByHalves, kernel.name).toBeGreaterThanOrEqual(wavefronts);
    }
    expect(() => kernelsNamed(["conv3d_*"])).toThrow("no kernel is called conv3d_*");
  });

  it("are fewest where pairs of lanes share both operands", () => {
    const row = "(local & 1u) | (local / 16u * 2u)";
    expect(reads(row, "local / 2u % 8u", "8u * step + place")).toEqual({
      wavefronts: (4 * (1 + 1)) / cycles,
      wavefrontsByHalves: (4 * (2 + 2)) / cycles,
    });
  });
});

it("variations are compiled for the GPUs whose tuner tries them", () => {
  const [ahead, half, sized] = ["ahead", "half_panel", "subgroups_32"].map(
    (variation) => kernelsNamed([`conv2d_forward_8x8_workgroup_8x8_${variation}`])[0]!,
  );
  const gpusOf = (kernel: Kernel) =>
    ["navi21", "navi31", "gfx1201", "tgl", "sm_86"].filter((gpu) => isFor(kernel, gpu));
  expect(gpusOf(ahead!)).toEqual(["navi21", "navi31", "gfx1201", "sm_86"]);
  expect(gpusOf(half!)).toEqual(["navi21", "navi31", "gfx1201"]);
  expect(gpusOf(sized!)).toEqual(["navi31", "gfx1201"]);
  expect([ahead!, half!, sized!].some(isPlain)).toBe(false);
  const changes = { half: false };
  expect(derived(half!, changes, undefined).name).toBe(
    "conv2d_forward_8x8_workgroup_8x8_half_panel_half_x_y",
  );
  expect(derived(sized!, changes, 64)).toBe(sized);
});

it("kernels beside batch norms are compiled with all of their work, and none that accumulates", () => {
  const constantsOf = (name: string) => launchConstants(kernelsNamed([name])[0]!);
  expect(constantsOf("conv2d_forward_between_4x4_*")).toEqual({ NORMALISED: 1, MOMENTS: 1, SLOPE: 0 });
  expect(constantsOf("conv2d_grad_input_sums_4x4_*")).toEqual({ RESIDUAL: 1, SLOPE: 0 });
  expect(constantsOf("conv2d_grad_weight_after_4x4_*")).toEqual({ ACCUMULATE: 0, SLOPE: 0 });
});

it("figures are worse by more than 5 % in their own direction", () => {
  const file = (figures: object) => ({ versions: {}, gpus: { tgl: { kernel: figures } } });
  const kept = file({ registers: 100, spills: 0, waves: 10, fmaShare: 0.5 });
  expect(worse(file({ registers: 105, spills: 0, waves: 9.5, fmaShare: 0.9, share: 0.1 }), kept)).toEqual([]);
  expect(worse(file({ registers: 106, spills: 1, waves: 9, fmaShare: 0.47 }), kept)).toEqual([
    "tgl: kernel: registers 100 → 106",
    "tgl: kernel: spills 0 → 1",
    "tgl: kernel: waves 10 → 9",
    "tgl: kernel: fmaShare 0.5 → 0.47",
  ]);
  expect(worse({ versions: {}, gpus: { tgl: { other: { spills: 9 } } } }, kept)).toEqual([]);
});
