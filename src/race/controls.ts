/** What holds and ends a run: commands, which may come at any time, and a signal. */
export class Controls {
  /** In place of the optimizers'. */
  learningRate: number | undefined;
  #paused = false;
  /** Steps to do although paused. */
  #singles = 0;
  #stopping = false;
  #signal: AbortSignal | undefined;
  #wake: () => void = () => {};

  pause(): void {
    this.#paused = true;
    this.#singles = 0;
    this.wake();
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  step(): void {
    this.#singles = this.#paused ? this.#singles + 1 : 1;
    this.#paused = true;
    this.wake();
  }

  stop(): void {
    this.#stopping = true;
    this.wake();
  }

  /** Resolves what waits for a command. */
  wake(): void {
    this.#wake();
  }

  /** Runs `work` under this signal. */
  async under<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const wake = (): void => this.wake();
    this.#stopping = false;
    this.#signal = signal;
    signal?.addEventListener("abort", wake);
    try {
      return await work();
    } finally {
      signal?.removeEventListener("abort", wake);
    }
  }

  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  /** Whether the run has been stopped; throws the signal's reason if it has been aborted. */
  stopped(): boolean {
    this.#signal?.throwIfAborted();
    return this.#stopping;
  }

  /** Whether no step may begin before the next command. */
  waits(): boolean {
    return this.#paused && this.#singles === 0 && !this.#stopping && !this.#signal?.aborted;
  }

  /** Counts a step that begins. */
  count(): void {
    if (this.#paused) this.#singles--;
  }

  /** Calls `tell` and resolves at the first command from then on. */
  async command(tell: () => void): Promise<void> {
    const command = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    tell();
    await command;
  }
}
