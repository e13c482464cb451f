/** What NVIDIA's tools print of a kernel: registers, and how many instructions of a turn are multiply-adds. */
import { type Counts, type Loop, type TurnWork, turnOf } from "./turn.ts";

interface SassCounts extends Counts {
  readonly all: number;
}

export interface SassReading {
  readonly figures: {
    readonly registers: number;
    /** Bytes of registers in memory. */
    readonly spills: number;
    readonly lds: number;
    readonly fmaShare: number;
  };
  readonly turn: SassCounts;
}

/** `listing` is what `cuobjdump -res-usage` and `nvdisasm -c` print. */
export function readSass(listing: string, work: TurnWork): SassReading {
  const labels = new Map<string, number>();
  const instructions: { readonly op: string; readonly operands: string }[] = [];
  for (const line of listing.split("\n")) {
    const label = /^\s*(\.L_x_\d+):/.exec(line)?.[1];
    const [, op, operands] =
      /^\s+(?:\/\*[0-9a-f]+\*\/)?\s+(?:@!?U?P\w+ )?([A-Z][A-Z0-9.]*)\b(.*)/.exec(line) ?? [];
    if (label) labels.set(label, instructions.length);
    else if (op) instructions.push({ op, operands: operands! });
  }
  const counts = (begin: number, end: number): SassCounts => {
    const part = instructions.slice(begin, end);
    const number = (name: string): number => part.filter(({ op }) => op.split(".")[0] === name).length;
    return { fma: number("FFMA"), products: number("FMUL"), stores: number("STS"), all: part.length };
  };
  const loops = instructions.flatMap(({ op, operands }, i): Loop<SassCounts>[] => {
    const begin = op.startsWith("BRA") ? labels.get(/\.L_x_\d+/.exec(operands)?.[0] ?? "") : undefined;
    return begin === undefined || begin > i ? [] : [{ begin, end: i + 1, counts: counts(begin, i + 1) }];
  });
  const turn = turnOf(loops, counts(0, instructions.length), work);
  const used = (what: string): number => Number(new RegExp(`\\b${what}:(\\d+)`).exec(listing)?.[1] ?? 0);
  const figures = {
    registers: used("REG"),
    spills: used("LOCAL") + used("STACK"),
    lds: used("SHARED"),
    fmaShare: turn.fma / turn.all,
  };
  return { figures, turn };
}
