import { loadDataset, openDevice } from "webgraft";
import { runSetting } from "./depth.ts";
import type { Outcome, Setting } from "./setting.ts";
import { runTrial, type Trial } from "./trial.ts";

/** Runs the trials one after the other and reports the share of test images right of each. */
async function transfer(
  trials: readonly Trial[],
  testImages: number,
  weightsUrl: string,
  report: (index: number, accuracy: number) => void,
): Promise<string> {
  const gpu = await openDevice();
  const [train, test] = await Promise.all([
    loadDataset("mnist", "train"),
    loadDataset("mnist", "test", { examples: testImages }),
  ]);
  const weights = await (await fetch(weightsUrl)).blob();
  const data = { train, test, weights };
  for (const [i, trial] of trials.entries()) report(i, await runTrial(gpu, trial, data));
  return gpu.adapter;
}

/** Runs the settings one after the other and reports what came out of each. */
async function depth(
  settings: readonly Setting[],
  report: (index: number, outcome: Outcome) => void,
): Promise<string> {
  const gpu = await openDevice();
  for (const [i, setting] of settings.entries()) report(i, await runSetting(gpu, setting));
  return gpu.adapter;
}

Object.assign(globalThis, { transfer, depth });
