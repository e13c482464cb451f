/** What the race shows of its images: examples to guess, and what a lane is most wrong about. */
import type { Dataset, Trainer } from "webgraft";

/** A test image that a lane takes for something else. */
export interface Mistake {
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly guess: number;
  /** How sure it is of its guess, 0…1. */
  readonly probability: number;
}

/** The test images that a lane gets wrong and is most sure about, worst first. */
export async function worstMistakes(trainer: Trainer, test: Dataset, count: number): Promise<Mistake[]> {
  const probabilities = await trainer.predict(test);
  const classes = test.classes.length;
  const wrong = [...test.labels].flatMap((label, i) => {
    const row = probabilities.subarray(i * classes, (i + 1) * classes);
    const probability = Math.max(...row);
    const guess = row.indexOf(probability);
    return guess === label ? [] : [{ i, label, guess, probability }];
  });
  wrong.sort((a, b) => b.probability - a.probability);
  return wrong.slice(0, count).map(({ i, ...mistake }) => ({ ...mistake, pixels: pixelsOf(test, i) }));
}

/** For each class the first test image of it; undefined for a class without one. */
export const examples = (test: Dataset): (Uint8Array | undefined)[] =>
  test.classes.map((_, label) => {
    const i = test.labels.indexOf(label);
    return i < 0 ? undefined : pixelsOf(test, i);
  });

/** The data sets of a race hold bytes. */
function pixelsOf({ images, shape }: Dataset, i: number): Uint8Array {
  const size = shape[0] * shape[1] * shape[2];
  return Uint8Array.from(images.subarray(i * size, (i + 1) * size));
}
