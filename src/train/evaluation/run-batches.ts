import { type Loader, openLoader } from "../../data/loader.ts";
import type { DataSource } from "../../data/source.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { InFlight } from "../../run/in-flight.ts";
import type { Live } from "../../run/live.ts";
import type { Outputs, Session } from "../../run/session.ts";
import type { Values } from "../../run/values.ts";
import type { Fed, Objective } from "../objective.ts";

/** Label of examples that do not count, as in PyTorch. */
export const IGNORED = -100;

/** An evaluation is the same in each step. */
const LIVE: Live = { step: 0, seed: 0, learningRate: 0 };

/**
 * Runs all batches of a loader, in the order of the data, through the sessions for their sizes, and closes it. Where a session takes
 * more examples than there are, zeros with ignored labels fill it; `take` gets the outputs, the batch and its size.
 */
export async function runBatches(
  loader: Loader,
  sessionFor: (size: number) => Session | Promise<Session>,
  signal: AbortSignal | undefined,
  take: (outputs: Outputs, batch: Fed) => void,
): Promise<void> {
  const inFlight = new InFlight();
  try {
    for (let first = 0; first < loader.length; first += loader.batchSize) {
      if (signal?.aborted) break;
      const given = loader.batchAt(0, first);
      const batch = given instanceof Promise ? await given : given;
      const session = await sessionFor(batch.size);
      await session.ready();
      await inFlight.add(session.submit(feedsOf(batch, session), LIVE), (outputs) =>
        take(cut(outputs, session, batch.size), batch),
      );
    }
    await inFlight.settle();
  } finally {
    loader.close();
  }
  signal?.throwIfAborted();
}

/** The same for all images of a source, with what `specs` name of it, and one session. */
export function runSource(
  session: Session,
  source: DataSource,
  specs: Objective["inputs"],
  signal: AbortSignal | undefined,
  take: (outputs: Outputs, batch: Fed) => void,
): Promise<void> {
  const batchSize = session.plan.inputs.get("images")!.shape[0]!;
  const options = { batchSize, shuffle: false, ...(signal && { signal }) };
  return runBatches(openLoader(source, specs, options), () => session, signal, take);
}

/** A batch as the session's inputs take it. */
export function feedsOf({ values }: Fed, { plan }: Session): Readonly<Record<string, Values>> {
  const feeds: Record<string, Values> = {};
  for (const [name, input] of plan.inputs) {
    feeds[name] = filled(values[name]!, input, name === "labels" ? IGNORED : 0);
  }
  return feeds;
}

/** Outputs without the rows of what filled the session. The loss is no row an example. */
function cut(outputs: Outputs, { plan }: Session, size: number): Outputs {
  const [first] = plan.inputs.values();
  const rows = first!.shape[0]!;
  if (rows === size) return outputs;
  return Object.fromEntries(
    Object.entries(outputs).map(([name, values]) => {
      return [name, name === "loss" ? values : values.subarray(0, (values.length / rows) * size)];
    }),
  );
}

/** `values`, or a copy filled with `rest` if they are shorter than the input's stored length. */
function filled(values: Values, { shape, storage }: Tensor, rest: number): Values {
  const length = storedLength(shape, storage.dtype);
  if (values.length >= length) return values;
  const full = new (values.constructor as new (length: number) => Values)(length).fill(rest);
  full.set(values);
  return full;
}
