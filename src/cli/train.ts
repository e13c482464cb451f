import { CommanderError } from "commander";
import { WebgraftError } from "../base/errors.ts";
import { parseTrainOptions, type TrainOptions } from "./options.ts";
import { jsonLine } from "./output/json-line.ts";
import { watchOutput } from "./stopping.ts";

/** Runs the command line and returns its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const fail = (error: unknown, code: number): number => {
    // A stack trace helps only with unexpected errors.
    const foreseen = error instanceof WebgraftError || error instanceof CommanderError;
    const { message, stack } = error as Error;
    if (!(error instanceof CommanderError)) process.stderr.write(`webgraft: ${foreseen ? message : stack}\n`);
    if (argv.includes("--json")) process.stdout.write(jsonLine({ type: "error" }, { message }));
    return code;
  };

  let options: TrainOptions;
  try {
    options = parseTrainOptions(argv);
    if ("settings" in options.run) {
      const { openData } = await import("./data/open-data.ts");
      openData(options.run.settings);
    }
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return fail(error, error instanceof CommanderError || error instanceof WebgraftError ? 2 : 1);
  }
  try {
    // Not before: browsers and servers take longer to load than help takes to read.
    const { train } = await import("./run.ts");
    return await train(options);
  } catch (error) {
    return fail(error, 1);
  }
}

watchOutput();
process.exitCode = await main(process.argv.slice(2));
