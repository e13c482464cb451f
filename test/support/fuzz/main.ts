/** `npm run fuzz -- [--minutes <n>] [--seed <n>] [--only <parser>]`: fuzzes the parsers and keeps what fails. */
import { Command, InvalidArgumentError } from "commander";
import { fuzz, keep } from "./fuzz.ts";
import { parsers } from "./parsers.ts";

function positive(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("It must be a positive number.");
}

const { minutes, seed, only } = new Command("npm run fuzz --")
  .description("Read damaged files with every parser; what fails is kept in test/support/fixtures/fuzz.")
  .option("--minutes <n>", "how long, for all parsers together", positive, 5)
  .option("--seed <n>", "determines all mutations", positive, Date.now() % 2 ** 32)
  .option("--only <parser>", `one of ${parsers.map(({ name }) => name).join(", ")}`)
  .parse()
  .opts<{ minutes: number; seed: number; only?: string }>();
const chosen = parsers.filter(({ name }) => only === undefined || name === only);
console.log(`seed ${seed}`);
for (const parser of chosen) {
  const end = Date.now() + (minutes * 60_000) / chosen.length;
  let count = 0;
  const failures = await fuzz(parser, seed, (inputs) => {
    count = inputs;
    return Date.now() < end;
  });
  console.log(`${parser.name}: ${count} inputs, ${failures.length} failures`);
  for (const { input, problem } of failures) console.log(`  ${keep(parser, input)}\n    ${problem}`);
  if (failures.length > 0) process.exitCode = 1;
}
