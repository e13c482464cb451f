/**
 * Runs `task` for 0 … count − 1, begun in this order, at most `limit` at once. The first failure rejects, and aborts the
 * signal that tasks get; so does `signal`, with its reason.
 */
export async function atOnce(
  limit: number,
  count: number,
  signal: AbortSignal | undefined,
  task: (index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const ended = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  let next = 0;
  async function work(): Promise<void> {
    for (let i = next++; i < count && !ended.aborted; i = next++) await task(i, ended);
  }
  try {
    await Promise.all(Array.from({ length: limit }, work));
  } finally {
    failed.abort(); // Stops the other workers after a failure.
  }
  signal?.throwIfAborted();
}
