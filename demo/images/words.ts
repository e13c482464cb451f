/** What numbers about classes mean, in words. */

import type { Confusion } from "webgraft";
import { counted } from "../app/words.ts";
import type { PictureClass } from "../worker/images-events.ts";

/** With fewer pictures a class, how well a network does is luck. */
export const FEW = 8;

/** Needed of each class: one to learn from, one to test with. */
export const LEAST = 2;

/** One class with so many times another's pictures is favoured. */
const UNEVEN = 3;

/** What to know before training, most urgent first. */
export function warnings(classes: readonly PictureClass[]): string[] {
  const sizes = classes.map(({ name, pictures }) => ({ name, count: pictures.length }));
  const most = sizes.reduce((a, b) => (b.count > a.count ? b : a));
  const least = sizes.reduce((a, b) => (b.count < a.count ? b : a));
  const few = sizes.filter(({ count }) => count >= LEAST && count < FEW);
  return [
    ...(least.count >= LEAST && most.count > UNEVEN * least.count
      ? [
          `“${most.name}” has more than ${UNEVEN} times as many pictures as “${least.name}” ` +
            `(${most.count} and ${least.count}), so the network will lean towards it.`,
        ]
      : []),
    ...(few.length > 0
      ? [`Fewer than ${FEW} pictures (${listed(few)}): how well the network does will be luck.`]
      : []),
  ];
}

/** Why one cannot train yet; undefined if one can. */
export function missing(classes: readonly PictureClass[]): string | undefined {
  if (classes.length < 2) return "Add a second class.";
  const short = classes.filter(({ pictures }) => pictures.length < LEAST);
  if (short.length > 0) {
    const names = listed(short.map(({ name }) => ({ name })));
    return `Each class needs ${LEAST} pictures, one to learn from and one to test with. Still short: ${names}.`;
  }
  const names = new Set(classes.map(({ name }) => name.trim()));
  if (names.has("")) return "Give each class a name.";
  return names.size < classes.length ? "Two classes have the same name." : undefined;
}

/** How many test pictures of each class were recognised. */
export function byClass(confusion: Confusion): { readonly right: number; readonly of: number }[] {
  return confusion.map((row, i) => ({ right: row[i]!, of: row.reduce((sum, count) => sum + count, 0) }));
}

/** Which classes are taken for which others, the most frequent first, as sentences. */
export function confused(confusion: Confusion, labels: readonly string[]): string[] {
  return confusion
    .flatMap((row, i) => row.map((count, k) => ({ count, from: labels[i]!, to: labels[k]!, wrong: i !== k })))
    .filter(({ count, wrong }) => wrong && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, 3)
    .map(({ count, from, to }) => `${counted(count, "picture")} of “${from}” taken for “${to}”.`);
}

const listed = (classes: readonly { readonly name: string; readonly count?: number }[]): string =>
  classes.map(({ name, count }) => `“${name}”${count === undefined ? "" : ` ${count}`}`).join(", ");
