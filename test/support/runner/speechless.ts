/** Finds public names whose docstrings leave open what a caller must know. */
import type { Door, Member, PublicSymbol } from "../../../demo/docs/build/api/extract.ts";

/** A shape such as (N, H, W, C), a length, a unit, or the word itself. */
const SHAPE =
  /\([^)]*\b[A-Z0-9…]|\bshapes?\b|\blayout\b|\bbytes?\b|\bpixels?\b|\bvalues?\b|\brow by row\b|\beach\b|\bfor every\b/i;

/** What each name lacks, one sentence each. */
export function speechless(doors: readonly Door[]): string[] {
  return doors.flatMap(({ name: door, sections }) =>
    sections.flatMap(({ symbols }) =>
      symbols.flatMap((symbol) => [
        ...faultsOf(symbol).map((fault) => `${door}: ${symbol.name} (${symbol.file}) ${fault}`),
        ...symbol.members
          .filter((member) => !isSaid(member, symbol))
          .map(({ name }) => `${door}: ${symbol.name}.${name} (${symbol.file}) has no docstring`),
      ]),
    ),
  );
}

function faultsOf({ kind, doc, signature, throws, members }: PublicSymbol): string[] {
  if (doc === "") return ["has no docstring"];
  const all = [doc, ...members.map((member) => member.doc)].join(" ");
  const silent = kind === "function" || kind === "class" ? throws.filter((name) => !all.includes(name)) : [];
  const numbers = kind === "function" && /(Float32|Int32|Uint32)Array/.test(signature);
  return [
    ...silent.map((name) => `throws ${name} and does not say so`),
    ...(numbers && !SHAPE.test(doc) ? ["takes or gives numbers and does not say their shape or unit"] : []),
  ];
}

/** Whether a member has words, or needs none besides its type's. */
const isSaid = ({ doc, signature }: Member, { kind }: PublicSymbol): boolean =>
  doc !== "" || (kind !== "class" && isPlain(signature)) || /^\w+\??: ([A-Z]\w*|"\w+");?$/.test(signature);

/** A field whose name and type say all there is. */
const isPlain = (signature: string): boolean => !/\(/.test(signature);
