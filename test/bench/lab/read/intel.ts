/**
 * What ANV prints of a kernel: its width and spills, and how many instructions of a turn are multiply-adds. Only
 * counts: an execution unit issues every instruction of a width in the same cycles, but for math and messages.
 */
import { anOutput, type Counts, type TurnWork, turnOf } from "./turn.ts";

export interface IntelFigures {
  /** Invocations of an instruction. */
  readonly width: number;
  readonly spills: number;
  readonly fills: number;
  /** Only of a kernel that shares nothing: for a vec4 of output. */
  readonly instructions?: number;
  readonly sends?: number;
  /** Multiply-adds among the instructions of a turn. */
  readonly fmaShare: number;
}

interface IntelCounts extends Counts {
  readonly all: number;
  /** Messages, to memory of any kind. */
  readonly sends: number;
}

export interface IntelReading {
  readonly figures: IntelFigures;
  readonly turn: IntelCounts;
}

/** `listing` is what ANV prints with INTEL_DEBUG=cs. Throws if it holds no instructions. */
export function readIntel(listing: string, work: TurnWork): IntelReading {
  const code = codeOf(listing);
  const [, width, spills, fills] = /SIMD(\d+) shader:.*? (\d+):(\d+) spills:fills/.exec(code) ?? [];
  const blocks = code.split(/\n(?=\s+START B\d+)/).slice(1);
  const counts = (begin: number, end: number): IntelCounts => count(blocks.slice(begin, end).join("\n"));
  const loops = loopsOf(blocks).map(({ begin, end }) => ({ begin, end, counts: counts(begin, end) }));
  const turn = turnOf(loops, counts(0, blocks.length), work);
  const figures = {
    width: Number(width),
    spills: Number(spills),
    fills: Number(fills),
    ...(work.outputs && {
      instructions: anOutput(turn.all, turn, work),
      sends: anOutput(turn.sends, turn, work),
    }),
    fmaShare: turn.fma / turn.all,
  };
  return { figures, turn };
}

/** ANV compiles several widths; the last is the one that it takes. */
export function codeOf(listing: string): string {
  const at = listing.lastIndexOf("Native code for");
  if (at < 0) throw new Error("the driver printed no instructions");
  return listing.slice(at);
}

/** Blocks between a `while` and where it goes back to. */
function loopsOf(blocks: readonly string[]): { begin: number; end: number }[] {
  const numbers = blocks.map((block) => Number(/START B(\d+)/.exec(block)![1]));
  return blocks.flatMap((block, i) => {
    if (!/^\s*(\([^)]*\)\s*)?while/m.test(block)) return [];
    const next = /END B\d+((?: ->B\d+)*)/.exec(block)?.[1] ?? "";
    const back = [...next.matchAll(/B(\d+)/g)].map(([, n]) => Number(n)).filter((n) => n <= numbers[i]!);
    const begin = numbers.indexOf(Math.min(...back));
    return begin < 0 ? [] : [{ begin, end: i + 1 }];
  });
}

function count(code: string): IntelCounts {
  const number = (pattern: RegExp): number => code.match(pattern)?.length ?? 0;
  const of = (op: string): number => number(new RegExp(`^\\s*(\\([^)]*\\)\\s*)?${op}\\(`, "gm"));
  return {
    fma: of("mad"),
    products: number(/^\s*(\([^)]*\)\s*)?mul\(\d+\)\s+\S+>F\b/gm),
    all: number(/\{ align1/g),
    sends: of("sends?c?"),
    stores: number(/slm MsgDesc: \( store/g) + number(/untyped surface write, Surface = 254/g),
  };
}
