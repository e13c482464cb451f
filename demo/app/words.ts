/** How the page says numbers, and what an emulated GPU is for. */

const numbers = new Intl.NumberFormat("en");

/** `12,000` */
export const count = (value: number): string => numbers.format(value);

/** `1 seed`, `12,000 seeds` */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)}\u00a0${value === 1 ? one : many}`;

/** A share of 0…1: `81.7 %` */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)}\u00a0%`;

/** A difference of two shares: `−0.8` */
export const points = (difference: number): string => (100 * difference).toFixed(1).replace("-", "−");

/** `41 MB` */
export const megabytes = (bytes: number): string => {
  const value = bytes / 1e6;
  return `${value < 10 ? value.toFixed(1) : count(Math.round(value))}\u00a0MB`;
};

/** `41 s`, `3 min` */
export const duration = (milliseconds: number): string =>
  milliseconds < 90_000
    ? `${Math.ceil(milliseconds / 1_000)}\u00a0s`
    : `${Math.round(milliseconds / 60_000)}\u00a0min`;

/** `plain`, `plain and graft`, `plain, graft and residual` */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

/** What to expect of a GPU that the CPU emulates. */
export const EMULATED =
  "This browser emulates the GPU on the CPU, which is for tests: a race takes many minutes, and a native library on this CPU would be some 15 times as fast.";
