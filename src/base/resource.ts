import { DestroyedError, type WebgraftError } from "./errors.ts";

/** The state behind a `destroy()`: usable, until it ends with an error that everything under way and later gets. */
export class Resource {
  readonly #name: string;
  readonly #pending = new Set<(error: WebgraftError) => void>();
  #end: WebgraftError | undefined;

  /** `name` begins the error's message, such as `Trainer`. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Throws the error it ended with, if it has. */
  check(): void {
    if (this.#end) throw this.#end;
  }

  /** Settles as `promise` does, unless this ends before: then rejects with that error. */
  during<T>(promise: Promise<T>): Promise<T> {
    // No Promise.race with a promise that lives as long as this: it would keep every result until the end.
    return new Promise((resolve, reject) => {
      if (this.#end) reject(this.#end);
      this.#pending.add(reject);
      promise.then(resolve, reject).finally(() => this.#pending.delete(reject));
    });
  }

  /** Runs asynchronous work; rejects if this has ended or ends before the work does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    return this.during(work());
  }

  /** Ends it, by default with a DestroyedError. Later calls change nothing. */
  end(error: WebgraftError = new DestroyedError(`${this.#name}: was destroyed — create a new one`)): void {
    if (this.#end) return;
    this.#end = error;
    for (const reject of this.#pending) reject(error);
    this.#pending.clear();
  }
}

/** What has memory of its own. */
export interface Destroyable {
  destroy(): unknown;
}

/** Runs `make`, which hands over each part it makes to `keep`. If it fails, destroys these parts, the last one first. */
export async function making<T>(
  make: (keep: <P extends Destroyable>(part: P) => P) => Promise<T>,
): Promise<T> {
  const parts: Destroyable[] = [];
  try {
    return await make((part) => {
      parts.push(part);
      return part;
    });
  } catch (error) {
    for (const part of parts.reverse()) part.destroy();
    throw error;
  }
}
