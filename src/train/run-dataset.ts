import { BatchLoader } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { storedLength, type Tensor } from "../graph/tensor.ts";
import { InFlight } from "../run/in-flight.ts";
import type { Live } from "../run/live.ts";
import type { Outputs, Session } from "../run/session.ts";

/** Label of examples that do not count, as in PyTorch. */
export const IGNORED = -100;

/** An evaluation is the same in each step. */
const LIVE: Live = { step: 0, seed: 0, learningRate: 0 };

/**
 * Runs a session over a data set in order, in batches of the size of its input `images`. A smaller batch is filled with
 * zero images whose labels are ignored; `take` gets the outputs and the number of real examples.
 */
export async function runDataset(
  session: Session,
  dataset: Dataset,
  signal: AbortSignal | undefined,
  take: (outputs: Outputs, size: number) => void,
): Promise<void> {
  const { inputs } = session.plan;
  const batchSize = inputs.get("images")!.shape[0]!;
  const loader = new BatchLoader(dataset, { batchSize: Math.min(batchSize, dataset.length), shuffle: false });
  const inFlight = new InFlight();
  for (let index = 0; index < loader.batchesPerEpoch; index++) {
    if (signal?.aborted) break;
    const batch = loader.batch(0, index);
    const images = filled(batch.images, inputs.get("images"), 0);
    const labels = filled(batch.labels, inputs.get("labels"), IGNORED);
    await session.ready();
    await inFlight.add(session.submit({ images, labels }, LIVE), (outputs) => take(outputs, batch.size));
  }
  await inFlight.settle();
  signal?.throwIfAborted();
}

/** `values`, or a copy filled with `rest` if they are shorter than the input's stored length. */
function filled<T extends Float32Array | Int32Array>(values: T, input: Tensor | undefined, rest: number): T {
  const length = input ? storedLength(input.shape, input.storage.dtype) : 0;
  if (values.length >= length) return values;
  const full = new (values.constructor as new (length: number) => T)(length).fill(rest) as T;
  full.set(values);
  return full;
}
