import { computed, useSignalEffect } from "@preact/signals";
import { settings } from "../app/address.ts";
import { guesses, isOpen, isReplay } from "../app/studio.ts";
import { count, counted, listed, megabytes, percent } from "../app/words.ts";
import { laneNames } from "../runs/lane-names.ts";
import type { LaneModel, RunRecord, SeedLog } from "../runs/run.ts";
import { gradientRatios } from "./gradients.ts";
import { LaneDrawing, Legend } from "./lane-drawing.tsx";
import { drawLanes, meanAccuracy, shownLanes, shownRun } from "./shown.ts";

/** The networks, one below the other, with what they reach and what they take the drawing for. */
export function Lanes() {
  useSignalEffect(() => {
    void settings.value;
    if (!isOpen.value) void drawLanes();
  });
  const run = shownRun.value;
  return (
    <section class="tracks" aria-label="The lanes">
      {settings.value.lanes.map((kind, i) => {
        const lane = shownLanes.value.find((each) => each.kind === kind);
        return <Lane key={kind} kind={kind} lane={lane} index={i} run={run} />;
      })}
    </section>
  );
}

function Lane({
  kind,
  lane,
  index,
  run,
}: {
  readonly kind: LaneModel["kind"];
  readonly lane: LaneModel | undefined;
  readonly index: number;
  readonly run: RunRecord | undefined;
}) {
  const { name, what, origin } = laneNames[kind];
  const log = run?.seeds.at(-1);
  return (
    <article class={`lane ${origin}`} aria-label={name}>
      <div class="who">
        <h2>{name}</h2>
        <p>{what}</p>
      </div>
      {lane ? <LaneDrawing lane={lane} ratios={gradientRatios(log, index)} /> : <div class="net" />}
      <Reached run={run} log={log} lane={index} />
      <Guess lane={index} />
    </article>
  );
}

/** Test accuracy: of the sample while the lane learns, of all test images once the seed is done. */
function Reached({
  run,
  log,
  lane,
}: {
  readonly run: RunRecord | undefined;
  readonly log: SeedLog | undefined;
  readonly lane: number;
}) {
  const final = log?.result?.accuracies[lane] ?? undefined;
  const sampled = log?.samples.at(-1)?.accuracies[lane] ?? undefined;
  const ended = log?.ended.some((each) => each.lane === lane);
  const accuracy = final ?? sampled;
  const loss = log?.steps.at(-1)?.losses[lane] ?? undefined;
  const done = run?.seeds.filter(({ result }) => result !== undefined).length ?? 0;
  const mean = run && meanAccuracy(run.seeds, lane);
  return (
    <div class="reached">
      <p class="accuracy">
        {accuracy === undefined ? <span class="none">–</span> : percent(accuracy)}{" "}
        <small>
          test<span class="more"> accuracy</span>
        </small>
      </p>
      <div class="bar">
        <i style={{ width: `${100 * (accuracy ?? 0)}%` }} />
      </div>
      <p class="of">
        {ended ? (
          <strong class="ended">✗ ended: not finite</strong>
        ) : (
          accuracy !== undefined && (
            <>
              of {final === undefined ? "" : "all "}
              {count(final === undefined ? run!.sampleImages : run!.settings.testImages)} test images
            </>
          )
        )}
        {loss !== undefined && (
          <span class="more">
            {accuracy !== undefined && " · "}loss {loss.toFixed(2)}
          </span>
        )}
        {mean !== undefined && done > 1 && (
          <span class="more">
            {" "}
            · mean of {counted(done, "seed")} {percent(mean)}
          </span>
        )}
      </p>
    </div>
  );
}

/** What the lane takes the drawing for. */
function Guess({ lane }: { readonly lane: number }) {
  const probabilities = guesses.value?.[lane];
  const classes = shownRun.value?.classes ?? [];
  if (!probabilities || probabilities.some(Number.isNaN)) {
    return <p class="guess none">{isReplay.value ? "a replay does not guess" : "no guess yet"}</p>;
  }
  const sure = Math.max(...probabilities);
  const name = classes[probabilities.indexOf(sure)] ?? "";
  return (
    <p class="guess">
      <small class="says">guesses </small>
      <b class={name.length > 2 ? "long" : ""}>{name.toLowerCase()}</b> <small>{percent(sure, 0)} sure</small>
    </p>
  );
}

const memory = computed(() => shownRun.value?.memory.bytes ?? 0);

/** What the drawings mean, and that the lanes differ in nothing else. */
export function Notes() {
  return (
    <div class="notes">
      <Legend />
      <p class="hint">
        A gradient is what tells a layer how to change. Where far too little or far too much of it arrives,
        the layer learns badly; a shortcut lets it pass.
      </p>
      <Equal />
    </div>
  );
}

/** That the lanes differ in nothing but their shortcuts, and what they need. */
function Equal() {
  const lanes = shownLanes.value;
  if (lanes.length === 0) return <p class="equal" />;
  const sizes = lanes.map(({ parameters }) => parameters);
  const same = sizes.every((size) => size === sizes[0]);
  const { batch, images, epochs } = settings.value;
  return (
    <p class="equal">
      {same
        ? `${count(sizes[0]!)} parameters each`
        : `Parameters: ${listed(lanes.map(({ kind, parameters }) => `${laneNames[kind].name} ${count(parameters)}`))}`}
      , the same images in the same order: batches of {batch}, {counted(epochs, "epoch")} of{" "}
      {counted(images, "image")}.
      {memory.value > 0 &&
        ` All ${lanes.length} lanes together take ${megabytes(memory.value)} of GPU memory.`}
    </p>
  );
}
