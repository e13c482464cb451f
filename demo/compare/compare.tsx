import { useSignalEffect } from "@preact/signals";
import { addressOf } from "../app/address.ts";
import { laneNames } from "../runs/lane-names.ts";
import { runTitle } from "../runs/setting-names.ts";
import { Chart } from "./charts.tsx";
import { ComparisonTable } from "./comparison-table.tsx";
import { measures } from "./curves.ts";
import { focusAfter, listOrPlace, PUT_BACK } from "./focus.ts";
import { chosen, kept, notice, problem, putBack, readChosen, removed, removeForGood } from "./kept.ts";
import { Legend } from "./legend.tsx";
import { apart, hiddenLanes, lanes, showLane } from "./lines.tsx";
import { OpenFile, RunList } from "./run-list.tsx";

/** Kept runs side by side. */
export function Compare() {
  useSignalEffect(readChosen);
  const runs = kept.value;
  return (
    <div class="compare">
      <h1>Compare runs</h1>
      <Messages />
      {runs === undefined ? (
        <p role="status">Reading what this browser keeps…</p>
      ) : runs.length === 0 ? (
        <Empty />
      ) : (
        <div class="sides">
          <RunList />
          {chosen.value.length > 0 ? <Charts /> : <p class="quiet">Choose a run to see its curves.</p>}
        </div>
      )}
    </div>
  );
}

function Empty() {
  return (
    <>
      <p class="lead">
        Every race is kept here by itself, in this browser and nowhere else. Then its curves stand beside
        those of others, with what differs between their settings.
      </p>
      <p class="under">
        <a class="main" href={addressOf("race")}>
          Run a race
        </a>
        <OpenFile />
      </p>
    </>
  );
}

function Messages() {
  const gone = removed.value;
  return (
    <>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <p class="quiet" role="status">
        {notice.value}
      </p>
      {gone.length > 0 && (
        <p class="removed" role="status">
          Removed: {gone.length === 1 ? runTitle(gone[0]!.record.settings) : `${gone.length} runs`}
          <button type="button" id={PUT_BACK} onClick={() => void focusAfter(putBack(), listOrPlace)}>
            Put back
          </button>
          <button type="button" onClick={() => void focusAfter(removeForGood(), listOrPlace)}>
            Remove for good
          </button>
        </p>
      )}
    </>
  );
}

function Charts() {
  return (
    <section class="side" aria-labelledby="curves-title">
      <h2 id="curves-title">Curves</h2>
      <div class="choices">
        <fieldset>
          <legend>Seeds</legend>
          <label>
            <input type="radio" name="seeds" checked={!apart.value} onChange={() => (apart.value = false)} />
            mean and range
          </label>
          <label>
            <input type="radio" name="seeds" checked={apart.value} onChange={() => (apart.value = true)} />
            each apart
          </label>
        </fieldset>
        <fieldset>
          <legend>Networks</legend>
          {lanes.value.map((lane) => (
            <label key={lane} class={laneNames[lane].origin}>
              <input
                type="checkbox"
                checked={!hiddenLanes.value.has(lane)}
                onChange={({ currentTarget }) => showLane(lane, currentTarget.checked)}
              />
              {laneNames[lane].name}
            </label>
          ))}
        </fieldset>
      </div>
      <div class="pair">
        {measures.map((measure) => (
          <Chart key={measure} measure={measure} />
        ))}
      </div>
      <Legend />
      <ComparisonTable />
    </section>
  );
}
