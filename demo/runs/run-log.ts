import { type RaceMemory, VERSION } from "webgraft";
import type { StudioEvent } from "../worker/events.ts";
import type { LaneModel, RunRecord, SeedLog } from "./run.ts";
import type { RaceSettings } from "./settings.ts";

type Draft = { -readonly [K in keyof RunRecord]: RunRecord[K] } & { seeds: SeedLog[] };

/** Keeps the record of a race up to date with what is told of it. */
export class RunLog {
  readonly record: Draft;

  constructor(record: RunRecord) {
    this.record = { ...record, seeds: [...record.seeds] };
  }

  /** The record of a race that begins now. */
  static begin(settings: RaceSettings): RunLog {
    const memory: RaceMemory = { lanes: [], bytes: 0 };
    return new RunLog({
      id: crypto.randomUUID(),
      date: new Date().toISOString(),
      settings,
      adapter: "",
      software: false,
      version: VERSION,
      browser: navigator.userAgent,
      lanes: [],
      memory,
      classes: [],
      sampleImages: 0,
      seeds: [],
      verdict: undefined,
      stopped: undefined,
    });
  }

  /** The seed that runs, or ran last. */
  get current(): SeedLog | undefined {
    return this.record.seeds.at(-1);
  }

  apply(event: StudioEvent): void {
    const { record, current } = this;
    switch (event.type) {
      case "adapter":
        record.adapter = event.adapter;
        record.software = event.software;
        break;
      case "open":
        record.lanes = event.lanes;
        record.memory = event.memory;
        record.classes = event.classes;
        record.sampleImages = event.sampleImages;
        break;
      case "seed": {
        const { seed, totalSteps } = event;
        record.seeds.push({ seed, totalSteps, steps: [], samples: [], ended: [], result: undefined });
        break;
      }
      case "step": {
        const { step, milliseconds, lanes } = event;
        current!.steps.push({
          step,
          milliseconds,
          rate: lanes.find((lane) => lane !== null)!.learningRate,
          losses: lanes.map((lane) => lane?.loss ?? null),
          gradients: lanes.map((lane, i) => {
            const norms = lane?.gradientNorms;
            return norms ? record.lanes[i]!.layers.map((layer) => rounded(gradientOf(norms, layer))) : null;
          }),
        });
        break;
      }
      case "sample":
        current!.samples.push({ step: event.step, accuracies: event.accuracies });
        break;
      case "ended":
        current!.ended.push({ lane: event.lane, message: event.message });
        break;
      case "result":
        current!.result = { seed: event.seed, accuracies: event.accuracies };
        record.verdict = event.verdict;
        break;
      case "rates":
        record.settings = { ...record.settings, rates: event.rates };
        break;
      case "restored":
        this.#cutTo(event.seed, event.step);
        break;
    }
  }

  /** Forgets what was told after this step. */
  #cutTo(seed: number, step: number): void {
    const { record } = this;
    const last = record.seeds.findIndex((log) => log.seed === seed);
    if (last < 0) return;
    record.seeds = record.seeds.slice(0, step === 0 ? last : last + 1);
    const log = record.seeds.at(-1);
    if (!log || log.seed !== seed) return;
    const kept = <T extends { readonly step: number }>(list: readonly T[]): T[] =>
      list.filter((each) => each.step <= step);
    record.seeds[last] = { ...log, steps: kept(log.steps), samples: kept(log.samples) };
  }
}

/** Frozen layers have none. */
const gradientOf = (
  norms: Readonly<Record<string, number>>,
  { label }: LaneModel["layers"][number],
): number => norms[`${label}.weight`] ?? 0;

/** To three digits, since records are kept and sent. */
const rounded = (value: number): number => Number(value.toPrecision(3));
