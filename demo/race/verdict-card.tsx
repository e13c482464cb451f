import { useSignal } from "@preact/signals";
import type { Comparison } from "webgraft";
import { addressOf, choose, settings } from "../app/address.ts";
import { isOpen, phase, record, start } from "../app/studio.ts";
import { counted, duration, percent, points } from "../app/words.ts";
import { laneNames } from "../runs/lane-names.ts";
import type { RunRecord } from "../runs/run.ts";
import { defaultSettings, depths, type LaneKind } from "../runs/settings.ts";
import { cellsOf, hasDepth, noDifference, recorded } from "./recorded.ts";
import { timeLeft } from "./status.tsx";

/** What the seeds that are done say, in plain words. */
export function VerdictCard() {
  const run = record.value;
  return (
    <section class="verdict" aria-label="Verdict">
      <div class="says" aria-live="polite">
        {run?.verdict ? <Findings run={run} /> : <Before />}
      </div>
      {isOpen.value && <p class="left">{remaining(run)}</p>}
      {(phase.value === "done" || phase.value === "stopped") && run && <Next run={run} />}
    </section>
  );
}

function remaining(run: RunRecord | undefined): string {
  const { seeds } = settings.value;
  const left = timeLeft.value;
  return `Seed ${run?.seeds.at(-1)?.seed ?? 1} of ${seeds}${left === undefined ? "" : ` · about ${duration(left)} left`}`;
}

/** Before there is a result: what will decide, and what the study found. */
function Before() {
  const { seeds, testImages, depth } = settings.value;
  const images = recorded.value?.setting.images ?? 0;
  const [plain, residual] = (["plain", "residual"] as const).map((kind) =>
    cellsOf(kind).find((cell) => cell.depth === depth),
  );
  return (
    <>
      <h2>{seeds > 1 ? "One race decides nothing" : "The verdict will stand here"}</h2>
      <p>
        Each lane is tested on {counted(testImages, "image")} that it never saw, with {counted(seeds, "seed")}
        : other first weights, another order. {seeds > 1 && "The verdict compares the lanes seed by seed."}
      </p>
      {plain && residual && hasDepth(settings.value) && (
        <p>
          Recorded with {depth} layers and {counted(images, "image")}: plain {percent(plain.mean)}, residual{" "}
          {percent(residual.mean)}
          {noDifference(depth) ? ", no difference to tell from chance" : ""}. And on your machine?
        </p>
      )}
    </>
  );
}

function Findings({ run }: { readonly run: RunRecord }) {
  const { settings, seeds, lanes } = run;
  const [first, ...others] = byWeight(run);
  const done = seeds.filter(({ result }) => result !== undefined).length;
  const { unfinished } = run.verdict!;
  return (
    <>
      <h2>{sentence(first!)}</h2>
      {others.map((each) => (
        <p key={each.lane + each.other}>{sentence(each)}</p>
      ))}
      {lanes.map(
        ({ kind }, i) =>
          unfinished[i]! > 0 && (
            <p key={kind}>
              {nameOf(kind)} did not finish {unfinished[i]} of {counted(done, "seed")}: its loss was no longer
              finite.
            </p>
          ),
      )}
      <p class="basis">
        {counted(done, "seed")}, {counted(settings.testImages, "test image")},
        {hasDepth(settings) && ` ${settings.depth} layers,`} {counted(settings.images, "training image")}.
        {first!.interval &&
          " [ ] is the 95 % interval of the difference over the seeds, in points of test accuracy."}
      </p>
    </>
  );
}

/** The lane with the most accuracy against plain first, which is what the page asks. */
function byWeight({ verdict }: RunRecord): readonly Comparison[] {
  const weight = ({ lane, other, mean }: Comparison): number =>
    (lane === "plain" || other === "plain" ? 10 : 0) + (mean ?? 0);
  return verdict!.comparisons.toSorted((a, b) => weight(b) - weight(a));
}

const nameOf = (kind: string): string => laneNames[kind as LaneKind].name;

function sentence({ lane, other, outcome, mean, interval, agree, differences }: Comparison): string {
  const [ahead, behind] = [nameOf(lane), nameOf(other)];
  const n = differences.length;
  const range = interval && `[${points(interval[0])}, ${points(interval[1])}]`;
  if (mean === null) return `Too early to say: no seed yet that both ${ahead} and ${behind} finished.`;
  if (outcome === "ahead") {
    const agreed = agree === n ? `every seed agrees (${n} of ${n})` : `${agree} of ${n} seeds agree`;
    return `${ahead} is ahead of ${behind} by ${points(mean)} points ${range}, and ${agreed}.`;
  }
  if (outcome === "no difference")
    return `No difference found between ${ahead} and ${behind}: ${range} points.`;
  const said = n === 1 ? "one seed" : `${counted(n, "seed")} with the very same difference`;
  return `Too early to say: ${said}. ${ahead} is ${points(mean)} points above ${behind} so far.`;
}

/** What one can do after the end. */
function Next({ run }: { readonly run: RunRecord }) {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(new URL(addressOf("race", run.settings), location.href).href);
    copied.value = true;
  };
  const here = noDifference(run.settings.depth);
  const other = here ? defaultSettings.depth : depths.find(noDifference);
  return (
    <div class="next">
      {other !== undefined && (
        <button
          type="button"
          onClick={() => {
            choose({ depth: other });
            void start();
          }}
        >
          Race with {other} layers, where the study found {here ? "the difference" : "none"}
        </button>
      )}
      <button type="button" onClick={() => void copy()}>
        {copied.value ? "✓ Copied" : "Copy the link to this run"}
      </button>
      <a class="button" href={addressOf("inspect")}>
        Inspect the lanes
      </a>
    </div>
  );
}
