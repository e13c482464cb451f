/** A run as a file: its record as JSON, which Compare saves and opens, and a replay plays. */
import * as v from "valibot";
import { DataError, verdict } from "webgraft";
import type { RunRecord } from "./run.ts";
import { laneKinds, type RaceSettings, readSettings, writeSettings } from "./settings.ts";

const FORMAT = "webgraft run 1";

/** A race of an hour has less. */
const MOST_BYTES = 200e6;

export const writeRun = (record: RunRecord): string => JSON.stringify({ format: FORMAT, ...record });

const text = v.pipe(v.string(), v.maxLength(1_000));
const number = v.pipe(v.number(), v.finite());
const size = v.pipe(number, v.minValue(0));
const whole = (low: number, high: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const step = whole(0, 1e7);

/** Which values are allowed is left to `readSettings`. */
const settingsSchema = v.object({
  data: v.string(),
  images: v.number(),
  testImages: v.number(),
  epochs: v.number(),
  batch: v.number(),
  rate: v.number(),
  depth: v.number(),
  batchNorm: v.boolean(),
  lanes: v.array(v.picklist(laneKinds)),
  seeds: v.number(),
  rates: v.array(v.object({ seed: v.number(), step: v.number(), rate: v.number() })),
});

const headSchema = v.object({ format: v.literal(FORMAT), settings: settingsSchema });

const layerSchema = v.object({
  label: text,
  kind: v.picklist(["convolution", "dense"]),
  residual: v.boolean(),
  projection: v.boolean(),
  height: whole(1, 10_000),
  channels: whole(1, 100_000),
});

const laneSchema = v.object({
  kind: v.picklist(laneKinds),
  parameters: size,
  layers: v.pipe(v.array(layerSchema), v.maxLength(1_000)),
  shortcuts: v.array(v.tuple([whole(0, 1_000), whole(0, 1_000)])),
});

const memorySchema = v.object({
  lanes: v.array(v.object({ lane: text, parameters: size, temporaryBytes: size, persistentBytes: size })),
  bytes: size,
});

/** JSON has no infinity, to which the gradients of a diverging lane may grow. */
const norm = v.pipe(
  v.nullable(size),
  v.transform((value) => value ?? Number.POSITIVE_INFINITY),
);

const recordSchema = ({ lanes, seeds }: RaceSettings) => {
  const byLane = <T>(item: v.GenericSchema<unknown, T>) => v.pipe(v.array(item), v.length(lanes.length));
  const accuracies = byLane(v.nullable(share));
  const stepSchema = v.object({
    step,
    milliseconds: size,
    rate: size,
    losses: byLane(v.nullable(number)),
    // A thinned record has them for some of its steps.
    gradients: v.union([byLane(v.nullable(v.array(norm))), v.pipe(v.array(v.never()), v.length(0))]),
  });
  const seedSchema = v.object({
    seed: whole(1, seeds),
    totalSteps: step,
    steps: v.array(stepSchema),
    samples: v.array(v.object({ step, accuracies })),
    ended: v.array(v.object({ lane: whole(0, lanes.length - 1), message: text })),
    result: v.optional(v.object({ seed: whole(1, seeds), accuracies })),
  });
  return v.object({
    id: v.pipe(text, v.minLength(1)),
    date: v.pipe(v.string(), v.isoTimestamp()),
    adapter: text,
    software: v.boolean(),
    version: text,
    browser: text,
    lanes: v.union([byLane(laneSchema), v.pipe(v.array(v.never()), v.length(0))]),
    memory: memorySchema,
    classes: v.pipe(v.array(text), v.maxLength(1_000)),
    sampleImages: size,
    seeds: v.pipe(
      v.array(seedSchema),
      v.check((list) => new Set(list.map(({ seed }) => seed)).size === list.length, "seeds that differ"),
    ),
    stopped: v.optional(v.boolean()),
  });
};

/**
 * The record in a file, which anybody may have written. Throws DataError for a file that holds none, naming the file and
 * the first place that is not as it must be. The verdict is made anew from the results.
 */
export function readRun(json: string, name: string): RunRecord {
  const given = parse(json, name);
  const { settings } = check(headSchema, given, name);
  const query = writeSettings(settings as RaceSettings);
  const { refused, settings: allowed } = readSettings(query);
  if (refused.length > 0) {
    throw new DataError(`Open a run: ${name} has settings that no race can have — got ${refused.join(", ")}`);
  }
  const record = check(recordSchema(allowed), given, name);
  const seeds = record.seeds.map((seed) => ({ ...seed, result: seed.result }));
  const results = seeds.flatMap(({ result }) => result ?? []);
  return {
    ...record,
    settings: allowed,
    seeds,
    verdict: results.length > 0 ? verdict({ lanes: allowed.lanes, seeds: results }) : undefined,
    stopped: record.stopped,
  };
}

/** Reads a file that the visitor chose. Rejects as `readRun` throws. */
export async function readRunFile(file: File): Promise<RunRecord> {
  if (file.size > MOST_BYTES) {
    const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
    throw new DataError(
      `Open a run: ${file.name} is larger than ${megabytes(MOST_BYTES)} — got ${megabytes(file.size)}`,
    );
  }
  return readRun(await file.text(), file.name);
}

function parse(json: string, name: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new DataError(`Open a run: ${name} is not JSON`, { cause });
  }
}

function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown, name: string): T {
  const { success, output, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (success) return output;
  const [{ expected, received, message }] = issues;
  const path = v.getDotPath(issues[0]) ?? "it";
  throw new DataError(
    `Open a run: ${name} holds no run of Webgraft — ${path} must be ${expected ?? message}, got ${received}`,
  );
}
