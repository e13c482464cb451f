import { save } from "../app/save.ts";
import { laneNames } from "../runs/lane-names.ts";
import { comparisonOf, differing } from "./comparison.ts";
import { csvOf, markdownOf } from "./exports.ts";
import { chosen, notice, records, trying } from "./kept.ts";
import { Mark, titles } from "./lines.tsx";
import { pictureOf } from "./picture.ts";

/** What differs between the chosen runs, how they ended, and all of it for other programs. */
export function ComparisonTable() {
  const heads = chosen.value.map(({ record }) => record);
  const same = differing(heads).length === 0;
  return (
    <>
      <h2>What differs, and how it ended</h2>
      <p class="quiet">
        {heads.length > 1 && same && "The settings of these runs are all the same. "}
        Accuracy on the test images at the end: the mean over seeds, each of which begins with other weights
        and another order of the images, and in brackets its 95 % interval.
      </p>
      <section class="scroll" aria-label="What differs" tabindex={0}>
        <table class="comparison">
          <thead>
            <tr>
              <td />
              {chosen.value.map(({ record, colour }, i) => (
                <th key={record.id} scope="col">
                  <Mark colour={colour} /> {titles.value[i]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {comparisonOf(heads).map(({ name, lane, cells }) => (
              <tr key={name}>
                <th scope="row" class={lane && laneNames[lane].origin}>
                  {name}
                </th>
                {cells.map((cell, i) => (
                  <td key={heads[i]!.id}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <div class="under">
        <button type="button" onClick={saveCsv}>
          Save as CSV
        </button>
        <button type="button" onClick={() => void copyMarkdown()}>
          Copy as Markdown
        </button>
        <button type="button" onClick={() => void savePicture()}>
          Save picture
        </button>
      </div>
    </>
  );
}

function saveCsv(): void {
  save(new Blob([csvOf(records.value)], { type: "text/csv" }), "webgraft-runs.csv");
}

async function copyMarkdown(): Promise<void> {
  const text = markdownOf(titles.value, comparisonOf(chosen.value.map(({ record }) => record)));
  await trying(async () => {
    try {
      await navigator.clipboard.writeText(text);
      notice.value = "The table is copied.";
    } catch {
      // Some browsers and pages within pages refuse the clipboard.
      save(new Blob([text], { type: "text/markdown" }), "webgraft-runs.md");
    }
  });
}

const savePicture = (): Promise<void> => trying(async () => save(await pictureOf(), "webgraft-runs.png"));
