/** The sample of the test images that a run evaluates again and again. */
import { type Dataset, take } from "../data/dataset.ts";
import type { Run } from "./run.ts";
import type { JobSettings } from "./settings.ts";

/** Test images in the sample, unless settings give another number. */
export const SAMPLE_EXAMPLES = 256;

/** The sample of the test images or their features. Throws DataError if it is larger than they are. */
export const sampleOf = ({ sampleExamples }: JobSettings, test: Dataset): Dataset =>
  take(test, sampleExamples ?? Math.min(SAMPLE_EXAMPLES, test.length));

/** Whether the weights are those of a step whose sample is still to be evaluated. */
export function sampleIsDue({
  settings: { sampleEvery },
  head: { step },
  history: { samples },
}: Run): boolean {
  return sampleEvery !== undefined && step > 0 && step % sampleEvery === 0 && samples.at(-1)?.step !== step;
}
