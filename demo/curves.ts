import uPlot from "uplot";
import { type EpochRecord, type StepRecord, smooth } from "webgraft/job";
import { byId } from "./dom.ts";

/** Time between redraws, which take a few milliseconds each. */
const REDRAW_MS = 200;

/** Room for two lines, which a narrow page needs. */
const LEGEND_HEIGHT = 60;

/** The loss and accuracy of a run, drawn as it goes. */
export class Curves {
  readonly #steps: StepRecord[] = [];
  readonly #tests = new Map<number, EpochRecord>();
  readonly #loss = new Chart("loss-chart", "loss", "testLoss", (value) => String(+value.toPrecision(3)), [
    0,
    null,
  ]);
  readonly #accuracy = new Chart(
    "accuracy-chart",
    "accuracy",
    "testAccuracy",
    (value) => `${+(value * 100).toPrecision(3)} %`,
    [0, 1],
  );
  #timer: ReturnType<typeof setTimeout> | undefined;

  clear(): void {
    this.#steps.length = 0;
    this.#tests.clear();
    this.#redraw();
  }

  addStep({ step, loss, accuracy, milliseconds }: StepRecord): void {
    this.#steps.push({ step, loss, accuracy, milliseconds });
    this.#redraw();
  }

  /** Adds the test at the end of an epoch, after `step` steps. */
  addTest(step: number, test: EpochRecord): void {
    this.#tests.set(step, test);
    this.#redraw();
  }

  #redraw(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const chart of [this.#loss, this.#accuracy]) chart.draw(this.#steps, this.#tests);
    }, REDRAW_MS);
  }
}

class Chart {
  readonly #root: HTMLElement;
  readonly #train: "loss" | "accuracy";
  readonly #test: "testLoss" | "testAccuracy";
  readonly #format: (value: number) => string;
  readonly #range: readonly [number, number | null];
  #plot: uPlot;

  constructor(
    id: string,
    train: "loss" | "accuracy",
    test: "testLoss" | "testAccuracy",
    format: (value: number) => string,
    range: readonly [number, number | null],
  ) {
    this.#root = byId(id, HTMLElement);
    this.#train = train;
    this.#test = test;
    this.#format = format;
    this.#range = range;
    this.#plot = this.#create([[], [], [], []]);
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(this.#root);
    const again = (): void => {
      const { data } = this.#plot;
      this.#plot.destroy();
      this.#plot = this.#create(data);
    };
    // A canvas does not follow the style sheet on its own.
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    // The plot remembers what it last set in its context, of which a restored one knows nothing. The event does not bubble.
    this.#root.addEventListener("contextrestored", again, true);
  }

  draw(steps: readonly StepRecord[], tests: ReadonlyMap<number, EpochRecord>): void {
    const values = steps.map((record) => record[this.#train]);
    this.#plot.setData([
      steps.map(({ step }) => step),
      values,
      smooth(values),
      steps.map(({ step }) => tests.get(step)?.[this.#test] ?? null),
    ]);
  }

  #size(): { width: number; height: number } {
    return { width: this.#root.clientWidth, height: this.#root.clientHeight - LEGEND_HEIGHT };
  }

  #create(data: uPlot.AlignedData): uPlot {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(`--${name}`);
    const grid = { stroke: colour("line"), width: 1 };
    const axis: uPlot.Axis = { stroke: colour("quiet"), grid, ticks: grid, font: "12px system-ui" };
    const value = (_: uPlot, number: number | null): string => (number === null ? "–" : this.#format(number));
    const [bottom, top] = this.#range;
    return new uPlot(
      {
        ...this.#size(),
        cursor: { points: { show: false } },
        scales: {
          x: { time: false, range: (_, low, high) => (high > low ? [low, high] : [0, 10]) },
          y: { range: (_, _low, high) => [bottom, top ?? (high > 0 ? high * 1.05 : 1)] },
        },
        axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map(this.#format) }],
        series: [
          { label: "step", value: (_, number) => number ?? "–" },
          { label: "batch", stroke: colour("faint"), width: 1, points: { show: false }, value },
          { label: "smoothed", stroke: colour("accent"), width: 2, points: { show: false }, value },
          {
            label: "test",
            stroke: colour("test"),
            width: 2,
            spanGaps: true,
            points: { show: true, size: 9, fill: colour("test") },
            value,
          },
        ],
      },
      data,
      this.#root,
    );
  }
}
