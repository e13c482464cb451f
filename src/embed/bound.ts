import { encode, type Launch } from "../run/executor.ts";

/** Launches with their buffers, made once and encoded any number of times; nothing is allocated to encode them. */
export class Bound {
  readonly #launches: readonly Launch[];
  readonly #live: GPUBindGroup | undefined;
  readonly #check: () => void;

  /** Use `bind` of a prepared kernel or op. `check` throws once that was destroyed. */
  constructor(launches: readonly Launch[], live: GPUBindGroup | undefined, check: () => void) {
    this.#launches = launches;
    this.#live = live;
    this.#check = check;
  }

  /** Appends the launches to `pass`, where the pipeline and bind groups 0 and, for live scalars, 1 stay set. */
  encode(pass: GPUComputePassEncoder): void {
    this.#check();
    encode(pass, this.#launches, this.#live);
  }
}
