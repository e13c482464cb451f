/**
 * Records the race that the page replays where there is no WebGPU: runs the page's own race in Chrome, and writes what
 * it kept to `demo/recorded/race.json`. On an emulated GPU a seed takes minutes.
 *
 *     npx tsx test/studies/record-race.ts '#/race?seeds=2'
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunRecord } from "../../demo/runs/run.ts";
import { newestRun } from "../demo/kept.ts";
import { openSite } from "../demo/site.ts";

/** Gradients are most of a record, and change slowly. */
const GRADIENTS_EVERY = 5;

const target = fileURLToPath(new URL("../../demo/recorded/race.json", import.meta.url));

function thinned(record: RunRecord): RunRecord {
  const seeds = record.seeds.map((seed) => ({
    ...seed,
    steps: seed.steps.map((step) => {
      const kept = step.step % GRADIENTS_EVERY === 1;
      return kept ? step : { ...step, gradients: [] };
    }),
  }));
  return { ...record, seeds };
}

const site = await openSite("chrome");
try {
  const page = await site.open(process.argv[2] ?? "#/race?seeds=2");
  await page.keyboard.press("Space");
  const record = await newestRun(page);
  writeFileSync(target, `${JSON.stringify(thinned(record))}\n`);
} finally {
  await site.close();
}
