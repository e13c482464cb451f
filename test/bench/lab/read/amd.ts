/** What RADV prints of a kernel: registers and waves as it says, and how far the instructions of a turn let FMAs run. */
import { anOutput, type Counts, type Loop, type TurnWork, turnOf } from "./turn.ts";

export interface AmdFigures {
  readonly registers: number;
  readonly spills: number;
  /** Waves that a SIMD holds, at most 16. */
  readonly waves: number;
  /** Bytes of workgroup memory, of a kernel that shares through it. */
  readonly lds?: number;
  /** Of one that shares nothing: vector instructions for a vec4 of output, and bytes that it loads and stores. */
  readonly instructions?: number;
  readonly bytes?: number;
  /** Multiply-adds among the vector instructions of a turn. */
  readonly fmaShare: number;
  /** Estimated share of one multiply-add a lane and cycle. */
  readonly share: number;
  /** The same of RDNA3's two at once, at best. */
  readonly dualShare: number;
}

/** Instructions of one wave for one turn. */
interface AmdCounts extends Counts {
  /** A packed or paired one counts as two. */
  readonly fma: number;
  /** The same as instructions. */
  readonly fmaIssues: number;
  readonly vector: number;
  /** Vector instructions at a quarter of the rate: products of integers, divisions, … */
  readonly slow: number;
  /** Multiply-adds of which an operand is f16: no two of them are done at once. */
  readonly mixed: number;
  readonly moves: number;
  readonly ldsBytes: number;
  readonly loadBytes: number;
}

export interface AmdReading {
  readonly figures: AmdFigures;
  readonly turn: AmdCounts;
  readonly wave: 32 | 64;
}

/** `listing` is what RADV prints with RADV_DEBUG=shaders,shaderstats. Throws if it holds no instructions. */
export function readAmd(listing: string, work: TurnWork): AmdReading {
  // Some passes print earlier shaders.
  const isa = instructionsOf(listing);
  const statistic = (name: string): number =>
    Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(listing)?.[1] ?? 0);
  const program = parse(isa);
  const counts = (begin: number, end: number): AmdCounts => count(program.instructions.slice(begin, end));
  const loops = loopsOf(program).map(({ begin, end }) => ({ begin, end, counts: counts(begin, end) }));
  const turn = turnOf(loops, counts(0, program.instructions.length), work);
  const wave = /\bexec_lo\b/.test(isa) ? 32 : 64;
  const figures = {
    registers: statistic("VGPRs"),
    spills: statistic("Spilled VGPRs") + statistic("Spilled SGPRs"),
    waves: statistic("Subgroups per SIMD"),
    ...(work.outputs
      ? {
          instructions: anOutput(turn.vector, turn, work),
          bytes: anOutput(turn.loadBytes, turn, work),
          fmaShare: turn.fma / turn.vector,
        }
      : { lds: statistic("LDS size"), fmaShare: turn.fmaIssues / turn.vector }),
    ...sharesOf(turn, wave),
  };
  return { figures, turn, wave };
}

/** The instructions of the shader that was compiled last. */
export function instructionsOf(listing: string): string {
  const at = listing.lastIndexOf("disasm:");
  if (at < 0) throw new Error("the driver printed no instructions");
  return listing
    .slice(at + "disasm:".length)
    .trim()
    .split(/\n\s*\n/)[0]!;
}

/**
 * An upper bound, for a full GPU without latency, barriers and caches: cycles of the multiply-adds over those of the
 * busiest of vector units, workgroup memory and L0 cache. The memories give 128 bytes a cycle to the two SIMDs of a
 * compute unit; loads are taken as perfectly coalesced.
 */
function sharesOf(turn: AmdCounts, wave: number): { share: number; dualShare: number } {
  const passes = wave / 32; // a SIMD has 32 lanes
  const memory = (2 * wave * Math.max(turn.ldsBytes, turn.loadBytes)) / 128;
  const vector = (turn.vector + 3 * turn.slow) * passes;
  // Compilers pair multiply-adds for waves of 32 (v_dual_*, one instruction); for waves of 64 the hardware does.
  const paired = wave === 64 ? turn.fma - turn.mixed : 0;
  return {
    share: (turn.fma * passes) / Math.max(vector, memory),
    dualShare: (turn.fma * passes) / 2 / Math.max(vector - paired, memory),
  };
}

interface Instruction {
  readonly op: string;
  readonly text: string;
}

interface Program {
  readonly instructions: readonly Instruction[];
  /** Number of the instruction after a label. */
  readonly labels: ReadonlyMap<string, number>;
}

function parse(isa: string): Program {
  const instructions: Instruction[] = [];
  const labels = new Map<string, number>();
  for (const line of isa.split("\n")) {
    const label = /^(BB\d+):/.exec(line)?.[1];
    const text = line.replace(/;.*$/, "").trim();
    if (label) labels.set(label, instructions.length);
    else if (text) instructions.push({ op: text.split(/\s/)[0]!, text });
  }
  return { instructions, labels };
}

/** A branch back makes a loop of what is between. */
function loopsOf({ instructions, labels }: Program): Pick<Loop<Counts>, "begin" | "end">[] {
  const ends = new Map<number, number>();
  instructions.forEach(({ op, text }, i) => {
    const target = /^s_c?branch/.test(op) && labels.get(/BB\d+/.exec(text)?.[0] ?? "");
    if (typeof target === "number" && target <= i) ends.set(target, i + 1);
  });
  return [...ends].map(([begin, end]) => ({ begin, end }));
}

const FMA = /^v_(pk_)?(fma|fmac|mad|mac|fmaak|fmamk|dot2)(_mix\w*|c|ak|mk)?_f(32|16)/;
const SLOW = /^v_(mul_lo_u32|mul_hi_[ui]32|mad_[ui]64_[ui]32|rcp|rsq|sqrt|exp|log|sin|cos)/;

function count(instructions: readonly Instruction[]): AmdCounts {
  const sum = {
    fma: 0,
    fmaIssues: 0,
    products: 0,
    vector: 0,
    slow: 0,
    mixed: 0,
    moves: 0,
    stores: 0,
    ldsBytes: 0,
    loadBytes: 0,
  };
  for (const { op, text } of instructions) {
    if (op.startsWith("ds_")) {
      sum.ldsBytes += bytesOf(op);
      if (/^ds_(write|store)/.test(op)) sum.stores++;
    } else if (/^(buffer|global|flat|image)_/.test(op)) {
      sum.loadBytes += bytesOf(op);
    } else if (op.startsWith("v_")) {
      sum.vector++;
      if (op.startsWith("v_dual_")) {
        const halves = text.match(/v_dual_fma(c|ak|mk)/g)?.length ?? 0;
        sum.fma += halves;
        sum.fmaIssues += halves / 2;
      } else if (FMA.test(op)) {
        sum.fma += /^v_pk|dot2/.test(op) ? 2 : 1;
        sum.fmaIssues++;
      }
      if (/^v_fma_mix/.test(op)) sum.mixed++;
      if (/^v_mul(_legacy)?_f32/.test(op)) sum.products++;
      if (SLOW.test(op)) sum.slow++;
      if (op.startsWith("v_mov_b32")) sum.moves++;
    }
  }
  return sum;
}

const WIDTHS: Readonly<Record<string, number>> = {
  ...{ b32: 4, b64: 8, b96: 12, b128: 16, u16: 2, u8: 1 },
  ...{ dword: 4, dwordx2: 8, dwordx3: 12, dwordx4: 16, ushort: 2, ubyte: 1 },
};

/** Bytes that one lane moves. */
function bytesOf(op: string): number {
  const width = /_(b\d+|dwordx?\d?|u16|ushort|u8|ubyte)\b/.exec(op)?.[1];
  const pair = /^ds_(load|store|read|write)_?2/.test(op) ? 2 : 1;
  return pair * (WIDTHS[width ?? ""] ?? (/d16|_short/.test(op) ? 2 : 4));
}
