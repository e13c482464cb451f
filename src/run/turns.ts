import { BusyError } from "../base/errors.ts";

/**
 * Who may use variables when. What takes a short time takes turns, in the order of the calls; a long run takes a turn for
 * each of its steps, and there is one such run at a time, or several of one kind. Changes from outside are refused while
 * anything runs.
 */
export class Turns {
  /** What has the turn or waits for it. */
  readonly #names: string[] = [];
  #last: Promise<void> = Promise.resolve();
  #run: string | undefined;
  /** How many runs of that name there are. */
  #runs = 0;

  /** Runs `work` once all that asked before has finished. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let finish = (): void => {};
    this.#last = new Promise((resolve) => {
      finish = resolve;
    });
    this.#names.push(name);
    await before;
    try {
      return await work();
    } finally {
      this.#names.shift();
      finish();
    }
  }

  /**
   * Runs `work`, which takes its turns itself. Rejects with a BusyError while another such run lasts; `overlap` allows
   * those of the same name.
   */
  async run<T>(name: string, work: () => Promise<T>, overlap = false): Promise<T> {
    if (this.#run && !(overlap && this.#run === name)) {
      throw new BusyError(
        `${name}: ${this.#run} is running — wait for it, or abort it and wait until it has rejected`,
      );
    }
    this.#run = name;
    this.#runs++;
    try {
      return await work();
    } finally {
      if (--this.#runs === 0) this.#run = undefined;
    }
  }

  /** Throws a BusyError that says what is running, if anything is. */
  checkFree(operation: string): void {
    const running = this.#run ?? this.#names[0];
    if (running) throw new BusyError(`${operation}: ${running} is running — wait for it, or abort it first`);
  }
}
