import { loadDataset, openDevice, take } from "webgraft";
import { runTrial, type Trial } from "./trial.ts";

/** Runs the trials one after the other and reports the share of test images right of each. */
async function transfer(
  trials: readonly Trial[],
  testImages: number,
  weightsUrl: string,
  report: (index: number, accuracy: number) => void,
): Promise<string> {
  const gpu = await openDevice();
  const [train, test] = await Promise.all([loadDataset("mnist", "train"), loadDataset("mnist", "test")]);
  const weights = await (await fetch(weightsUrl)).blob();
  const data = { train, test: take(test, testImages), weights };
  for (const [i, trial] of trials.entries()) report(i, await runTrial(gpu, trial, data));
  return gpu.adapter;
}

Object.assign(globalThis, { transfer });
