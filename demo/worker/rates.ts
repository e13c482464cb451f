import { oneCycle } from "webgraft";
import type { RaceSettings, RateChange } from "../runs/settings.ts";

/** One cycle, which can be scaled while a race runs so that the same settings give the same run again. */
export class Rates {
  readonly #cycle = oneCycle();
  readonly #peak: number;
  #changes: readonly RateChange[];
  #seed = 1;
  /** Steps of this seed that have been given to the lanes. */
  #given = 0;

  constructor({ rate, rates }: RaceSettings) {
    this.#peak = rate;
    this.#changes = rates;
  }

  /** The schedule of every lane. */
  readonly schedule = (step: number, total: number): number => {
    this.#given = Math.max(this.#given, step + 1);
    const before = ({ seed, step: first }: RateChange): boolean =>
      seed < this.#seed || (seed === this.#seed && first <= step + 1);
    const rate = this.#changes.findLast(before)?.rate ?? this.#peak;
    return this.#cycle(step, total) * (rate / this.#peak);
  };

  /** A seed begins or goes on after this many steps. */
  enter(seed: number, given: number): void {
    this.#seed = seed;
    this.#given = given;
  }

  /** From the next step on, takes this rate; returns all changes so far. */
  change(rate: number): readonly RateChange[] {
    const next = { seed: this.#seed, step: this.#given + 1, rate };
    const earlier = ({ seed, step }: RateChange): boolean =>
      seed < next.seed || (seed === next.seed && step < next.step);
    this.#changes = [...this.#changes.filter(earlier), next];
    return this.#changes;
  }
}
