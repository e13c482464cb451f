import type { Confusion } from "../../train/evaluation/confusion.ts";
import { escapeHtml } from "./html.ts";

/** More classes than this are not drawn, since nobody could read the table. */
const MOST_CLASSES = 60;

/** How many pairs of classes are named. */
const PAIRS = 5;

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
const share = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;

/** The confusion matrix as a table: rows are true classes, columns predictions; colours are shares of the row. */
export function confusionTable(counts: Confusion, classes: readonly string[]): string {
  if (classes.length > MOST_CLASSES) {
    return `<p>There are ${classes.length} classes; the whole matrix is in <code>metrics.json</code>.</p>`;
  }
  const head = classes.map((name) => `<th scope="col"><span>${escapeHtml(name)}</span></th>`).join("");
  const body = counts.map((row, label) => {
    const total = sum(row);
    const cells = row.map((count, predicted) => {
      const right = predicted === label;
      const title = `${classes[label]}, predicted ${classes[predicted]}: ${count} of ${total}`;
      // By the root, since a few per cent of mistakes should be seen as well.
      const strength = count === 0 ? 0 : 8 + 52 * Math.sqrt(count / total);
      const kind = right ? "right" : count > 0 ? "wrong" : "none";
      return (
        `<td class="${kind}" style="--strength:${strength.toFixed(0)}%" title="${escapeHtml(title)}">` +
        `${count}${right ? "<b> ✓</b>" : ""}</td>`
      );
    });
    const correct = total > 0 ? share(row[label]!, total) : "–";
    return `<tr><th scope="row">${escapeHtml(classes[label])}</th>${cells.join("")}<td class="share">${correct}</td></tr>`;
  });
  return (
    '<p class="quiet">Rows: true class. Columns: predicted class. On the diagonal ✓ the predictions are right; colours ' +
    'show shares of a row.</p>\n<div class="scroll"><table id="confusion">\n' +
    `<thead><tr><th></th>${head}<th scope="col"><span>right</span></th></tr></thead>\n` +
    `<tbody>${body.join("\n")}</tbody></table></div>`
  );
}

/** Which classes are taken for which others most often, in words. */
export function mostConfused(counts: Confusion, classes: readonly string[]): string {
  const pairs = counts
    .flatMap((row, label) => {
      const total = sum(row);
      return row.map((count, predicted) => ({ label, predicted, count, total }));
    })
    .filter(({ label, predicted, count }) => label !== predicted && count > 0)
    .sort((a, b) => b.count - a.count || b.count / b.total - a.count / a.total)
    .slice(0, PAIRS);
  if (pairs.length === 0) return "No test image was taken for another class.";
  const words = pairs.map(({ label, predicted, count, total }, i) => {
    const times = count === 1 ? "once" : `${count} times`;
    const [taken, of] = i === 0 ? [" taken", " of its images"] : ["", ""];
    return `${classes[label]}${taken} for ${classes[predicted]}, ${times} (${share(count, total)}${of})`;
  });
  return `Confused most: ${words.join("; ")}.`;
}
