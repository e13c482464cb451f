/** What this browser keeps: races that were run, and the one that is running. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { RaceSnapshot } from "webgraft";
import { palette } from "./palette.ts";
import type { RunRecord, SeedLog } from "./run.ts";

/** What a list of runs shows. Steps and gradients are most of a record, and read only for what is drawn. */
export interface RunHead extends Omit<RunRecord, "lanes" | "memory" | "seeds"> {
  readonly seeds: readonly Pick<SeedLog, "seed" | "totalSteps" | "result">[];
}

export interface Marks {
  readonly pinned: boolean;
  /** An index into the palette. */
  readonly colour: number;
  /** When it was removed, ms since 1970: it can be put back until it must make room. */
  readonly removed: number | undefined;
}

/** A race in Compare. */
export interface KeptRun extends Marks {
  readonly record: RunHead;
}

/** A race that has not ended: all that is needed to go on, bit for bit. */
export interface OpenRace {
  /** As far as the snapshot. */
  readonly record: RunRecord;
  readonly snapshot: RaceSnapshot;
}

interface Studio extends DBSchema {
  runs: { key: string; value: KeptRun };
  records: { key: string; value: RunRecord };
  open: { key: "race"; value: OpenRace };
}

/** So many runs are kept besides the pinned ones; then the oldest make room. */
const MOST_RUNS = 100;

/** Where the storage is full, at most so many of the oldest make room for one: if they do not suffice, more may not. */
const MOST_LEAVING = 5;

const CHANNEL = "webgraft runs";

let opened: Promise<IDBPDatabase<Studio>> | undefined;

/** Rejects where the browser keeps nothing, such as in some private windows. */
function open(): Promise<IDBPDatabase<Studio>> {
  const close = (): void => {
    opened = undefined;
  };
  opened ??= openDB<Studio>("webgraft", 1, {
    // A new version adds its step below those before it, so that what older pages kept stays.
    upgrade(db, from) {
      if (from < 1) {
        db.createObjectStore("runs");
        db.createObjectStore("records");
        db.createObjectStore("open");
      }
    },
    blocking(_from, _to, event) {
      // A newer page in another tab waits to upgrade.
      (event.target as IDBDatabase).close();
      close();
    },
    terminated: close,
  }).catch((error: unknown) => {
    close();
    throw error;
  });
  return opened;
}

/** Calls back when runs were kept or changed, here, in the worker or in another tab; returns what ends that. */
export function onRunsChanged(listener: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = listener;
  return () => channel.close();
}

function tell(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("changed");
  channel.close();
}

const younger = (a: KeptRun, b: KeptRun): number => (a.record.date < b.record.date ? 1 : -1);

/** Those that are kept, and those that were removed and can be put back; pinned ones first, then the youngest. */
export async function storedRuns(): Promise<readonly KeptRun[]> {
  const runs = await (await open()).getAll("runs");
  return runs.sort((a, b) => Number(b.pinned) - Number(a.pinned) || younger(a, b));
}

export const keptRuns = async (): Promise<readonly KeptRun[]> =>
  (await storedRuns()).filter(({ removed }) => removed === undefined);

export const keptRecord = async (id: string): Promise<RunRecord | undefined> =>
  (await open()).get("records", id);

/**
 * Keeps a race as far as it is; one kept before stays pinned and coloured as it is. The oldest make room for a new one,
 * and where the storage is full. Rejects if there is none to make room, or the browser keeps nothing.
 */
export async function keepRun(record: RunRecord): Promise<void> {
  const runs = await storedRuns();
  const known = runs.find((run) => run.record.id === record.id);
  const leaving = runs.filter((run) => !run.pinned && run !== known).sort(leavesLater);
  const surplus = known ? [] : leaving.splice(MOST_RUNS - 1);
  await forget(surplus);
  const youngest = [...runs].sort(younger)[0];
  const colour = youngest ? (youngest.colour + 1) % palette.length : 0;
  const oldest = leaving.slice(-MOST_LEAVING);
  while (true) {
    try {
      await write(record, { pinned: false, colour, removed: undefined });
      break;
    } catch (error) {
      const last = oldest.pop();
      if ((error as Error).name !== "QuotaExceededError" || !last) throw error;
      await forget([last]);
    }
  }
  tell();
}

/** What has been removed leaves first. */
const leavesLater = (a: KeptRun, b: KeptRun): number =>
  Number(a.removed !== undefined) - Number(b.removed !== undefined) || younger(a, b);

function headOf({ lanes: _lanes, memory: _memory, seeds, ...head }: RunRecord): RunHead {
  return { ...head, seeds: seeds.map(({ seed, totalSteps, result }) => ({ seed, totalSteps, result })) };
}

/** With these marks, unless it has others already. */
async function write(record: RunRecord, marks: Marks): Promise<void> {
  const transaction = (await open()).transaction(["runs", "records"], "readwrite");
  const runs = transaction.objectStore("runs");
  const put = async (): Promise<void> => {
    const known = await runs.get(record.id);
    await runs.put({ ...marks, ...known, record: headOf(record) }, record.id);
    await transaction.objectStore("records").put(record, record.id);
  };
  await Promise.all([put(), transaction.done]);
}

async function forget(runs: readonly KeptRun[]): Promise<void> {
  const transaction = (await open()).transaction(["runs", "records"], "readwrite");
  await Promise.all([
    ...runs.flatMap(({ record }) => [
      transaction.objectStore("runs").delete(record.id),
      transaction.objectStore("records").delete(record.id),
    ]),
    transaction.done,
  ]);
}

/** Pins, colours, removes or puts back. */
export async function markRuns(ids: readonly string[], marks: Partial<Marks>): Promise<void> {
  const transaction = (await open()).transaction("runs", "readwrite");
  const mark = async (id: string): Promise<void> => {
    const run = await transaction.store.get(id);
    if (run) await transaction.store.put({ ...run, ...marks }, id);
  };
  await Promise.all([...ids.map(mark), transaction.done]);
  tell();
}

/** Removes runs that can be put back. */
export const removeRun = (...ids: readonly string[]): Promise<void> => markRuns(ids, { removed: Date.now() });

/** Removes for good what has been removed. */
export async function forgetRemoved(): Promise<void> {
  await forget((await storedRuns()).filter(({ removed }) => removed !== undefined));
  tell();
}

export const openRace = async (): Promise<OpenRace | undefined> => (await open()).get("open", "race");

export async function keepOpenRace(race: OpenRace | undefined): Promise<void> {
  const db = await open();
  if (race) await db.put("open", race, "race");
  else await db.delete("open", "race");
}
