import { addressOf } from "../app/address.ts";
import { save } from "../app/save.ts";
import { counted } from "../app/words.ts";
import { writeRun } from "../runs/file.ts";
import { palette } from "../runs/palette.ts";
import { dateText, runTitle } from "../runs/setting-names.ts";
import type { KeptRun } from "../runs/store.ts";
import { focusAfter, putBackButton } from "./focus.ts";
import { choose, chosen, kept, MOST_CHOSEN, mark, openFiles, recordOf, remove } from "./kept.ts";
import { Mark } from "./lines.tsx";

/** All kept runs: which are compared, how they are marked, and what can be done with each. */
export function RunList() {
  const runs = kept.value ?? [];
  const loose = runs.filter(({ pinned }) => !pinned);
  return (
    <section class="kept" aria-labelledby="kept-title">
      <h2 id="kept-title">
        Kept runs <span class="quiet">{runs.length}</span>
      </h2>
      {chosen.value.length === MOST_CHOSEN && (
        <p class="quiet">
          {MOST_CHOSEN} runs are compared, which is the most: more lines nobody can tell apart.
        </p>
      )}
      <ol class="runs">
        {runs.map((run) => (
          <Run key={run.record.id} run={run} />
        ))}
      </ol>
      <div class="under">
        <OpenFile />
        {loose.length > 0 && (
          <button type="button" onClick={() => void focusAfter(remove(...loose), putBackButton)}>
            Remove all that are not pinned ({loose.length})
          </button>
        )}
      </div>
    </section>
  );
}

/** The file field that opens runs which were saved as files. */
export function OpenFile() {
  return (
    <label class="open-file">
      Open a run…
      <input
        type="file"
        accept=".json,application/json"
        multiple
        onChange={({ currentTarget }) => {
          void openFiles([...(currentTarget.files ?? [])]);
          // The same file may be chosen again, once it is mended.
          currentTarget.value = "";
        }}
      />
    </label>
  );
}

function Run({ run }: { readonly run: KeptRun }) {
  const { record, pinned } = run;
  const name = `${runTitle(record.settings)}, ${dateText(record.date)}`;
  const isChosen = chosen.value.includes(run);
  return (
    <li>
      <label class="choice">
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          checked={isChosen}
          disabled={!isChosen && chosen.value.length >= MOST_CHOSEN}
          onChange={({ currentTarget }) => choose(record.id, currentTarget.checked)}
        />
        <span>{runTitle(record.settings)}</span>
      </label>
      <Colours run={run} name={name} />
      <p class="quiet">
        {dateText(record.date)} · {progressOf(run)}
        {record.adapter && ` · ${record.adapter}`}
      </p>
      <p class="actions">
        <button
          type="button"
          aria-pressed={pinned}
          aria-label={`Pin ${name}`}
          onClick={({ currentTarget }) =>
            void focusAfter(mark(run, { pinned: !pinned }), () => currentTarget)
          }
        >
          {pinned ? "Pinned" : "Pin"}
        </button>
        <a href={addressOf("race", record.settings)} aria-label={`Race this again: ${name}`}>
          Race this again
        </a>
        <button type="button" aria-label={`Save as file: ${name}`} onClick={() => void saveRun(run)}>
          Save as file
        </button>
        <button
          type="button"
          aria-label={`Remove ${name}`}
          onClick={() => void focusAfter(remove(run), putBackButton)}
        >
          Remove
        </button>
      </p>
    </li>
  );
}

function progressOf({ record: { seeds, settings, stopped } }: KeptRun): string {
  const done = seeds.filter(({ result }) => result).length;
  if (done === settings.seeds) return counted(done, "seed");
  return `${done} of ${counted(settings.seeds, "seed")}${stopped ? ", stopped" : ""}`;
}

function Colours({ run, name }: { readonly run: KeptRun; readonly name: string }) {
  const { id } = run.record;
  return (
    <details class="colours" name="colours">
      <summary aria-label={`Colour of ${name}: ${palette[run.colour]!.name}`}>
        <Mark colour={run.colour} />
      </summary>
      <fieldset>
        <legend>Colour and mark</legend>
        {palette.map((style, colour) => (
          <label key={style.name}>
            <input
              type="radio"
              name={`colour-${id}`}
              checked={run.colour === colour}
              onChange={() => mark(run, { colour })}
            />
            <Mark colour={colour} />
            {style.name}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

async function saveRun(run: KeptRun): Promise<void> {
  const record = await recordOf(run);
  if (!record) return;
  const day = record.date.slice(0, 16).replaceAll(":", "-");
  save(new Blob([writeRun(record)], { type: "application/json" }), `webgraft-run-${day}.json`);
}
