/** Steps that may be on their way to the GPU at once: it works on the one while the host prepares the other. */
export const IN_FLIGHT = 2;

/** Results that are awaited while further steps are submitted. */
export class InFlight {
  readonly #waiting: (() => Promise<void>)[] = [];

  /**
   * Adds the result of a step that was submitted, and waits until fewer than two are awaited. They are taken one after
   * the other in the order of the steps; what one rejects with is thrown when its turn comes.
   */
  async add<T>(result: Promise<T>, take: (value: T) => void | Promise<void>): Promise<void> {
    result.catch(() => {}); // Seen when its turn comes.
    this.#waiting.push(async () => take(await result));
    if (this.#waiting.length >= IN_FLIGHT) await this.#waiting.shift()!();
  }

  /** Waits for what is left. */
  async settle(): Promise<void> {
    for (const next of this.#waiting.splice(0)) await next();
  }
}
