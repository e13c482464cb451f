import { type GpuEngine, launchEngine, type Program } from "../../src/cli/engine/engine.ts";
import type { Engine } from "../../src/cli/engine/engines.ts";
import type { Progress } from "./page/offer.ts";

/** Opens a page and returns its result for `settings`. */
export type Visit = <S, R>(page: Program, settings: S) => Promise<R>;

/** Starts an engine, browsers with an empty profile, for some visits. `description` names it and its adapter. */
export async function inEngine<T>(
  engine: Engine,
  progress: Progress,
  use: (visit: Visit, description: string) => Promise<T>,
): Promise<T> {
  const started = await launchEngine(engine);
  try {
    return await use((page, settings) => visitPage(started, page, settings, progress), started.description);
  } finally {
    await started.close();
  }
}

async function visitPage<S, R>(
  started: GpuEngine,
  page: Program,
  settings: S,
  progress: Progress,
): Promise<R> {
  const { promise, resolve, reject } = deferred<R>();
  const fail = (reason: string): void => reject(new Error(reason));
  const running = await started.run(page, { progress, finish: resolve, fail });
  try {
    await running.call("start", settings);
    return await Promise.race([promise, running.died]);
  } finally {
    await running.close();
  }
}

function deferred<R>() {
  let resolve!: (result: R) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<R>((...settle) => {
    [resolve, reject] = settle;
  });
  promise.catch(() => {}); // It may reject before it is awaited.
  return { promise, resolve, reject };
}
