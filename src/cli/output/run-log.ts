import { median } from "../../base/numbers.ts";
import { VERSION } from "../../base/version.ts";
import type { EpochRecord, JobEvent, SampleRecord, StepRecord } from "../../job/protocol.ts";
import type { JobSettings } from "../../job/settings.ts";
import type { MemoryReport } from "../../plan/plan.ts";
import type { Confusion } from "../../train/evaluation/confusion.ts";
import type { TuneMode } from "../../train/tuning/tune.ts";
import type { Engine } from "../engine/engines.ts";

/** The contents of `metrics.json`. */
export interface Metrics {
  readonly state: "running" | "stopped" | "done";
  readonly settings: JobSettings;
  readonly adapter: string;
  readonly browser: string;
  readonly engine: Engine;
  readonly tune: TuneMode;
  /** Of Webgraft. */
  readonly version: string;
  readonly parameters: number;
  readonly dispatchesPerStep: number;
  /** Bytes. */
  readonly plan: MemoryReport;
  readonly totalSteps: number;
  readonly medianStepMs: number;
  readonly testExamples: number;
  readonly classes: readonly string[];
  /** Of the last epoch. */
  readonly testAccuracy?: number;
  /** Of the test images at the last epoch. */
  readonly confusion?: Confusion;
  readonly epochs: readonly EpochRecord[];
  readonly samples: readonly SampleRecord[];
  readonly steps: readonly StepRecord[];
}

/** Makes metrics of a job's events. */
export class RunLog {
  readonly #machine: Pick<Metrics, "browser" | "engine" | "tune">;
  #adapter = "";
  #state: Metrics["state"] = "running";
  #ready: (JobEvent & { type: "ready" }) | undefined;
  readonly #steps: StepRecord[] = [];
  readonly #epochs: EpochRecord[] = [];
  readonly #samples: SampleRecord[] = [];
  #confusion: Confusion | undefined;

  /** `browser` is its description, for display. */
  constructor(machine: Pick<Metrics, "browser" | "engine" | "tune">) {
    this.#machine = machine;
  }

  add(event: JobEvent): void {
    switch (event.type) {
      case "adapter":
        this.#adapter = event.adapter;
        break;
      case "ready":
        this.#ready = event;
        this.#steps.push(...event.history.steps);
        this.#epochs.push(...event.history.epochs);
        this.#samples.push(...event.history.samples);
        this.#confusion = event.history.confusion;
        break;
      case "step": {
        const { step, loss, accuracy, milliseconds } = event;
        this.#steps.push({ step, loss, accuracy, milliseconds });
        break;
      }
      case "epoch": {
        const { epoch, testLoss, testAccuracy, confusion } = event;
        this.#confusion = confusion;
        this.#epochs.push({ epoch, testLoss, testAccuracy });
        break;
      }
      case "sample": {
        const { step, loss, accuracy } = event;
        this.#samples.push({ step, loss, accuracy });
        break;
      }
      case "stopped":
      case "done":
        this.#state = event.type;
        break;
    }
  }

  /** The picture of the plan; empty before the job is ready. */
  get planPicture(): string {
    return this.#ready?.planPicture ?? "";
  }

  /** The run so far; undefined before the job is ready. */
  metrics(): Metrics | undefined {
    if (!this.#ready) return undefined;
    const { settings, parameters, dispatchesPerStep, plan, totalSteps, testExamples, classes } = this.#ready;
    const last = this.#epochs.at(-1);
    return {
      state: this.#state,
      settings,
      adapter: this.#adapter,
      ...this.#machine,
      version: VERSION,
      parameters,
      dispatchesPerStep,
      plan,
      totalSteps,
      medianStepMs: median(this.#steps.map(({ milliseconds }) => milliseconds)),
      testExamples,
      classes,
      ...(last && { testAccuracy: last.testAccuracy }),
      ...(this.#confusion && { confusion: this.#confusion }),
      epochs: [...this.#epochs],
      samples: [...this.#samples],
      steps: [...this.#steps],
    };
  }
}
