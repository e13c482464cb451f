import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { smooth } from "webgraft/job";
import { restored } from "../app/canvases.ts";
import { percent } from "../app/words.ts";
import { laneNames } from "../runs/lane-names.ts";
import type { RunRecord } from "../runs/run.ts";
import { shownRun } from "./shown.ts";

type Quantity = "accuracy" | "loss";

const quantity = signal<Quantity>("accuracy");

/** Lines of lanes differ in more than colour. */
const DASHES = { conv: [], graft: [8, 4], res: [2, 3] };

/** Time between redraws, which take a few milliseconds each. */
const REDRAW_MS = 250;

/** Test accuracy on the sample, or loss, by step. */
export function Curves() {
  const run = shownRun.value;
  return (
    <section class="curves" aria-label="Curves">
      <h2>{quantity.value === "accuracy" ? "Test accuracy" : "Training loss"} by step</h2>
      <fieldset class="choice">
        <legend class="hidden">What the curves show</legend>
        {(["accuracy", "loss"] as const).map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="quantity"
              checked={quantity.value === each}
              onChange={() => (quantity.value = each)}
            />
            <span class="segment">{each === "accuracy" ? "test accuracy" : "loss"}</span>
          </label>
        ))}
      </fieldset>
      {run && run.seeds.length > 0 ? (
        <>
          <Plot run={run} />
          <ul class="legend">
            {run.settings.lanes.map((kind) => {
              const { name, origin } = laneNames[kind];
              return (
                <li key={kind} class={origin}>
                  <svg class="line-key" viewBox="0 0 28 8" aria-hidden="true">
                    <line x1="0" x2="28" y1="4" y2="4" stroke-dasharray={DASHES[origin].join(" ")} />
                  </svg>
                  {name}
                </li>
              );
            })}
            <li>{run.seeds.length > 1 ? "strong: this seed, faint: earlier ones" : ""}</li>
          </ul>
          <p class="hint">
            {quantity.value === "accuracy"
              ? `On ${run.sampleImages} test images, with the weights after that step.`
              : "Of the batches, a running mean. Low is good; how well it carries over to new images is what the test tells."}
          </p>
        </>
      ) : (
        <p class="hint">They appear with the first steps of a race.</p>
      )}
    </section>
  );
}

function Plot({ run }: { readonly run: RunRecord }) {
  const root = useRef<HTMLDivElement>(null);
  const key = `${run.id} ${run.seeds.length} ${quantity.value}`;
  useEffect(() => {
    const chart = new Chart(root.current!);
    return () => chart.destroy();
  }, [key]);
  return <div ref={root} class="plot" role="img" aria-label={describe(run)} />;
}

/** The last values, which a picture does not tell everyone. */
function describe({ settings, seeds }: RunRecord): string {
  const { steps, samples, seed } = seeds.at(-1)!;
  const said = settings.lanes.map((kind, i) => {
    const accuracy = samples.at(-1)?.accuracies[i];
    const loss = steps.at(-1)?.losses[i];
    const value = quantity.value === "accuracy" ? accuracy && percent(accuracy) : loss?.toFixed(2);
    return `${laneNames[kind].name} ${value ?? "none yet"}`;
  });
  return `Curves of ${quantity.value} by step, seed ${seed}. Now: ${said.join(", ")}.`;
}

/** One plot, which follows the race, the width of the page and its colours. */
class Chart {
  readonly #root: HTMLElement;
  readonly #ends: (() => void)[] = [];
  #plot: uPlot;
  #timer = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#plot = this.#create();
    const resized = new ResizeObserver(() => this.#plot.setSize(this.#size()));
    resized.observe(root);
    // A canvas does not follow the style sheet on its own.
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const again = (): void => {
      this.#plot.destroy();
      this.#plot = this.#create();
    };
    dark.addEventListener("change", again);
    // The plot does not know that its canvas has lost what it set.
    const unrestored = effect(() => {
      if (restored.value > 0) again();
    });
    const unsubscribe = shownRun.subscribe(() => {
      this.#timer ||= window.setTimeout(() => {
        this.#timer = 0;
        const run = shownRun.peek();
        if (run && this.#plot.series.length === 1 + run.seeds.length * run.settings.lanes.length) {
          this.#plot.setData(dataOf(run));
        }
      }, REDRAW_MS);
    });
    this.#ends.push(
      () => resized.disconnect(),
      () => dark.removeEventListener("change", again),
      unrestored,
      unsubscribe,
    );
  }

  destroy(): void {
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
    this.#plot.destroy();
  }

  #size(): { width: number; height: number } {
    return { width: this.#root.clientWidth, height: this.#root.clientHeight };
  }

  #create(): uPlot {
    const run = shownRun.peek()!;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    const grid = { stroke: colour("line"), width: 1 };
    const axis: uPlot.Axis = { stroke: colour("quiet"), grid, ticks: grid, font: "12px system-ui" };
    const isShare = quantity.peek() === "accuracy";
    const series = run.seeds.flatMap((_, s) =>
      run.settings.lanes.map((kind): uPlot.Series => {
        const { origin } = laneNames[kind];
        const current = s === run.seeds.length - 1;
        return {
          stroke: colour(origin),
          dash: DASHES[origin],
          width: current ? 2.2 : 1,
          alpha: current ? 1 : 0.35,
          points: { show: isShare, size: 5, fill: colour(origin) },
          spanGaps: true,
        };
      }),
    );
    const { totalSteps } = run.seeds.at(-1)!;
    return new uPlot(
      {
        ...this.#size(),
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { time: false, range: [0, totalSteps] },
          y: { range: (_, _low, high) => (isShare ? [0, 1] : [0, high > 0 ? high * 1.05 : 3]) },
        },
        axes: [
          axis,
          {
            ...axis,
            size: 52,
            values: (_, ticks) => ticks.map((tick) => (isShare ? percent(tick, 0) : `${tick}`)),
          },
        ],
        series: [{}, ...series],
      },
      dataOf(run),
      this.#root,
    );
  }
}

/** By step, from 0: for each seed, each lane. */
function dataOf(run: RunRecord): uPlot.AlignedData {
  const { totalSteps } = run.seeds.at(-1)!;
  const steps = Array.from({ length: totalSteps + 1 }, (_, step) => step);
  const lines = run.seeds.flatMap(({ steps: logs, samples }) =>
    run.settings.lanes.map((_, lane) => {
      const line = Array<number | null>(totalSteps + 1).fill(null);
      if (quantity.peek() === "accuracy") {
        for (const { step, accuracies } of samples) line[step] = accuracies[lane] ?? null;
        return line;
      }
      const known = logs.flatMap(({ step, losses }) => {
        const loss = losses[lane];
        return loss == null ? [] : [{ step, loss }];
      });
      smooth(known.map(({ loss }) => loss)).forEach((loss, i) => {
        line[known[i]!.step] = loss;
      });
      return line;
    }),
  );
  return [steps, ...lines];
}
