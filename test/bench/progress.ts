import type { ProgressEvent } from "./page/offer.ts";

/** A line that tells what is being measured: rewritten on a terminal, else printed every few seconds. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #start = performance.now();
  #last = Number.NEGATIVE_INFINITY;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  readonly show = ({ done, total, text }: ProgressEvent): void => {
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(0);
    const line = `${seconds} s  ${done}/${total}  ${text}`;
    if (this.#stream.isTTY) {
      const width = this.#stream.columns || 80;
      this.#stream.write(`\r\x1b[K${line.slice(0, width - 1)}`);
    } else if (performance.now() - this.#last > INTERVAL_MS) {
      this.#last = performance.now();
      this.#stream.write(`${line}\n`);
    }
  };

  /** Leaves the terminal ready for other output. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }
}

const INTERVAL_MS = 5000;
