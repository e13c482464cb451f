/** How many steps may be in flight at once: the GPU works on one while the host prepares the other. */
export const IN_FLIGHT = 2;

/** Results of submitted steps, awaited while further steps are submitted. */
export class InFlight {
  readonly #waiting: (() => Promise<void>)[] = [];

  /**
   * Adds the result of a submitted step, then waits until fewer than two are pending. `take` gets the results one at
   * a time in the order of the steps; a rejected result is thrown when its turn comes.
   */
  async add<T>(result: Promise<T>, take: (value: T) => void | Promise<void>): Promise<void> {
    result.catch(() => {}); // Thrown when its turn comes.
    this.#waiting.push(async () => take(await result));
    if (this.#waiting.length >= IN_FLIGHT) await this.#waiting.shift()!();
  }

  /** Waits for the remaining results. */
  async settle(): Promise<void> {
    for (const next of this.#waiting.splice(0)) await next();
  }
}
