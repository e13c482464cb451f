/**
 * Learning rate schedules: factors of the optimizer's learning rate, as pure functions of the step (from 0) and the
 * number of steps in the run.
 */
import { ShapeError } from "../base/errors.ts";

/** The factor of the learning rate in a step, counted from 0, of a run of `totalSteps`. */
export type Schedule = (step: number, totalSteps: number) => number;

/** Always 1. */
export const constant = (): Schedule => () => 1;

/** Starts at 1 and is multiplied by `gamma` at each of the given shares of the run. */
export function stepDecay({ at = [0.5, 0.75], gamma = 0.1 }: StepDecayOptions = {}): Schedule {
  check("stepDecay", at.every(share) && gamma > 0, "shares in [0, 1] and gamma above 0", { at, gamma });
  return (step, totalSteps) =>
    at.reduce((rate, from) => (step >= from * totalSteps ? rate * gamma : rate), 1);
}

/** Options of `stepDecay`. */
export interface StepDecayOptions {
  /** Shares of the run. Default [0.5, 0.75]. */
  readonly at?: readonly number[];
  /** Default 0.1. */
  readonly gamma?: number;
}

/**
 * Rises linearly over `warmup` steps, the last of which has the full rate, then falls along half a cosine to `floor`,
 * which the step after the last would reach. Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm
 * Restarts", 2017, without the restarts.
 */
export function cosine({ warmup = 0, floor = 0 }: CosineOptions = {}): Schedule {
  check("cosine", warmup >= 0 && share(floor), "warmup of 0 or more steps, floor in [0, 1]", {
    warmup,
    floor,
  });
  return (step, totalSteps) => {
    if (step < warmup) return (step + 1) / warmup;
    return anneal(1, floor, (step - warmup) / Math.max(1, totalSteps - warmup));
  };
}

/** Options of `cosine`. */
export interface CosineOptions {
  /** In steps. Default 0. */
  readonly warmup?: number;
  /** Factor of the rate at the end. Default 0. */
  readonly floor?: number;
}

/**
 * One cycle: rises from 1 / `divFactor` to 1 over the first `pctStart` of the run, then falls to
 * 1 / (`divFactor` · `finalDivFactor`), each along half a cosine, as torch's OneCycleLR (which also cycles the
 * momentum; this does not). Smith and Topin, "Super-Convergence", 2018.
 */
export function oneCycle(options: OneCycleOptions = {}): Schedule {
  const { pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
  const given = { pctStart, divFactor, finalDivFactor };
  const fits = share(pctStart) && divFactor >= 1 && finalDivFactor >= 1;
  check("oneCycle", fits, "pctStart in [0, 1] and factors of 1 or more", given);
  return (step, totalSteps) => {
    const top = pctStart * totalSteps - 1;
    const end = totalSteps - 1;
    if (step <= top) return anneal(1 / divFactor, 1, top > 0 ? step / top : 1);
    return anneal(1, 1 / (divFactor * finalDivFactor), (step - top) / (end - top));
  };
}

/** Options of `oneCycle`. */
export interface OneCycleOptions {
  /** Share of the run spent rising. Default 0.3. */
  readonly pctStart?: number;
  /** Default 25. */
  readonly divFactor?: number;
  /** Default 10,000. */
  readonly finalDivFactor?: number;
}

/** From `start` to `end` along half a cosine as `progress` goes from 0 to 1; stays at `end` after that. */
const anneal = (start: number, end: number, progress: number): number =>
  end + ((start - end) * (1 + Math.cos(Math.PI * Math.min(1, progress)))) / 2;

const share = (value: number): boolean => value >= 0 && value <= 1;

function check(name: string, fits: boolean, expected: string, given: object): void {
  if (!fits) throw new ShapeError(name, `expects ${expected}`, JSON.stringify(given));
}
