import { computed } from "@preact/signals";
import { isOpen, isReplay, type Phase, phase, progress, record } from "../app/studio.ts";
import { count, duration, megabytes } from "../app/words.ts";

const phrases: Readonly<Record<Phase, string>> = {
  idle: "",
  loading: "Loading the images",
  compiling: "Preparing the GPU: compiling kernels",
  running: "Learning",
  pausing: "Pausing after the steps in flight",
  paused: "Paused",
  testing: "Testing on all test images",
  stopping: "Stopping",
  stopped: "Stopped",
  done: "Done",
  failed: "It failed",
};

/** Where the race is, in a line. What changes each step is not read out. */
export function Status() {
  const { done, of } = progress.value;
  const [loading, compiling] = [phase.value === "loading", phase.value === "compiling"];
  const share = (loading || compiling) && of ? done / of : undefined;
  return (
    <div class="status">
      {share !== undefined && <Ring share={share} />}
      <p role="status">{phrases[phase.value]}</p>
      {loading && done > 0 && (
        <p>{of ? `${megabytes(done).split("\u00a0")[0]} of ${megabytes(of)}` : megabytes(done)}</p>
      )}
      {compiling && of !== undefined && (
        <p>
          {count(done)} of {count(of)}
        </p>
      )}
      {isOpen.value && !loading && !compiling && <p>{where.value}</p>}
    </div>
  );
}

function Ring({ share }: { readonly share: number }) {
  const round = 2 * Math.PI * 9;
  return (
    <svg
      class="ring"
      viewBox="0 0 24 24"
      role="progressbar"
      aria-label="Getting ready"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(100 * share)}
    >
      <circle class="track" cx="12" cy="12" r="9" />
      <circle
        cx="12"
        cy="12"
        r="9"
        stroke-dasharray={`${share * round} ${round}`}
        transform="rotate(-90 12 12)"
      />
    </svg>
  );
}

/** `seed 3 of 5 · step 40 of 128 · about 41 s left` */
const where = computed(() => {
  const run = record.value;
  const log = run?.seeds.at(-1);
  if (!run || !log) return "";
  const at = log.steps.at(-1)?.step ?? 0;
  const left = timeLeft.value;
  return [
    `seed ${log.seed} of ${run.settings.seeds}`,
    `step ${count(at)} of ${count(log.totalSteps)}`,
    ...(left === undefined ? [] : [`about ${duration(left)} left`]),
  ].join(" · ");
});

/** Of all seeds, by the last steps; milliseconds. Tests and new seeds come on top. A replay has a pace of its own. */
export const timeLeft = computed(() => {
  const run = record.value;
  const log = run?.seeds.at(-1);
  const recent = log?.steps.slice(-20) ?? [];
  if (!run || !log || isReplay.value || recent.length < 5) return undefined;
  const pace = recent.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / recent.length;
  const seeds = run.settings.seeds - run.seeds.length;
  return pace * (log.totalSteps - log.steps.at(-1)!.step + seeds * log.totalSteps);
});
