/** Records of races that nobody ran, for what keeps, compares and exports them. */
import { Random, verdict } from "webgraft";
import type { RunRecord, SeedLog } from "../../demo/runs/run.ts";
import { defaultSettings, type RaceSettings } from "../../demo/runs/settings.ts";

export interface MadeRun {
  readonly id: string;
  readonly date?: string;
  readonly settings?: Partial<RaceSettings>;
  /** Test accuracies at the end: a list for each seed, one a lane; null for a lane that did not finish. */
  readonly accuracies: readonly (readonly (number | null)[])[];
  readonly steps?: number;
}

/** A race in which lanes come near the given accuracies, with a sample every 4 steps. */
export function madeRun({ id, date, settings: given, accuracies, steps = 8 }: MadeRun): RunRecord {
  const settings = { ...defaultSettings, seeds: accuracies.length, ...given };
  const seeds = accuracies.map((ends, i): SeedLog => {
    const random = new Random(i + 1);
    const rise = (end: number, step: number): number => end * (1 - 0.9 * Math.exp((-4 * step) / steps));
    const all = Array.from({ length: steps }, (_, step) => step + 1);
    return {
      seed: i + 1,
      totalSteps: steps,
      steps: all.map((step) => ({
        step,
        milliseconds: 40,
        rate: settings.rate,
        losses: ends.map((end) =>
          end === null ? null : Number((2.3 * (1 - rise(end, step)) + 0.2 * random.uniform()).toPrecision(4)),
        ),
        gradients: ends.map((end) => (end === null ? null : [0.5, 0.25])),
      })),
      samples: all
        .filter((step) => step % 4 === 0)
        .map((step) => ({
          step,
          accuracies: ends.map((end) =>
            end === null
              ? null
              : Math.min(1, Number((rise(end, step) + 0.03 * random.uniform()).toPrecision(3))),
          ),
        })),
      ended: ends.flatMap((end, lane) => (end === null ? [{ lane, message: "loss is not finite" }] : [])),
      result: { seed: i + 1, accuracies: ends },
    };
  });
  const layer = { residual: false, projection: false, height: 28, channels: 8 };
  return {
    id,
    date: date ?? "2026-11-26T12:00:00.000Z",
    settings,
    adapter: "Apple M3",
    software: false,
    version: "0.1.0",
    browser: "a browser",
    lanes: settings.lanes.map((kind) => ({
      kind,
      parameters: 1_000,
      layers: [
        { ...layer, label: "conv1", kind: "convolution" },
        { ...layer, label: "head", kind: "dense", height: 1, channels: 10 },
      ],
      shortcuts: [],
    })),
    memory: { lanes: [], bytes: 0 },
    classes: ["0", "1"],
    sampleImages: 500,
    seeds,
    verdict: verdict({ lanes: settings.lanes, seeds: seeds.flatMap(({ result }) => result ?? []) }),
    stopped: false,
  };
}

/** Three races at two depths. */
export const madeRuns: readonly RunRecord[] = [
  madeRun({
    id: "a",
    date: "2026-11-24T09:00:00.000Z",
    settings: { depth: 8 },
    accuracies: [
      [0.6, 0.61, 0.67],
      [0.62, 0.58, 0.66],
      [0.61, 0.62, 0.68],
    ],
  }),
  madeRun({
    id: "b",
    date: "2026-11-25T09:00:00.000Z",
    settings: { depth: 50 },
    accuracies: [
      [0.26, 0.35, 0.92],
      [0.23, 0.5, 0.93],
      [0.28, 0.3, 0.91],
    ],
  }),
  madeRun({
    id: "c",
    date: "2026-11-26T09:00:00.000Z",
    settings: { depth: 50, batchNorm: false, lanes: ["plain", "residual"] },
    accuracies: [
      [null, 0.9],
      [0.1, 0.92],
    ],
  }),
];
