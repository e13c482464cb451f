/** Damaged files give a value or one of our errors, whoever reads them, within bounds; `npm run fuzz` tries more. */
import { describe, expect, it } from "vitest";
import { corpusOf, fuzz, keep, problemWith } from "../../support/fuzz/fuzz.ts";
import { type Parser, parsers } from "../../support/fuzz/parsers.ts";

const MUTATIONS = 2000;

/** Another one each time; FUZZ_SEED repeats a run. */
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 32);
console.log(`fuzzing with seed ${seed}: FUZZ_SEED=${seed} npx vitest run --project static fuzz`);

describe.each(parsers)("$name", (parser) => {
  it("reads its seeds", async () => {
    for (const input of parser.seeds) {
      expect(await problemWith(parser, input)).toBeUndefined();
    }
  });

  it(`reads or refuses ${MUTATIONS} mutations`, async () => {
    const failures = await fuzz(parser, seed, (inputs) => inputs < MUTATIONS);
    const found = failures.map(({ input, problem }) => `${keep(parser, input)}: ${problem}`);
    expect(found, `seed ${seed}; the inputs are kept in the corpus`).toEqual([]);
  });

  it("reads or refuses what failed before", async () => {
    for (const { file, input } of corpusOf(parser)) {
      expect(await problemWith(parser, input), file).toBeUndefined();
    }
  });
});

it("finds a parser that fails", async () => {
  const [idx] = parsers as [Parser, ...Parser[]];
  const careless: Parser = { ...idx, read: (bytes) => JSON.parse(String.fromCharCode(...bytes)) };
  expect(await problemWith(careless, idx.seeds[0]!)).toMatch(/SyntaxError/);
  const greedy: Parser = { ...idx, read: () => new Uint8Array(2 ** 27).length };
  // Not to the byte, for other buffers may be freed meanwhile.
  expect(await problemWith(greedy, idx.seeds[0]!)).toMatch(/^took 1[23]\d{7} bytes$/);
  expect(await fuzz(careless, 1, (inputs) => inputs < 20)).not.toEqual([]);
});
