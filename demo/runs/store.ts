/** What this browser keeps: races that were run, and the one that is running. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { RaceSnapshot } from "webgraft";
import type { RunRecord } from "./run.ts";

/** A race in Compare. */
export interface KeptRun {
  readonly record: RunRecord;
  readonly pinned: boolean;
  /** An index into the palette of Compare. */
  readonly colour: number;
}

/** A race that has not ended: all that is needed to go on, bit for bit. */
export interface OpenRace {
  /** As far as the snapshot. */
  readonly record: RunRecord;
  readonly snapshot: RaceSnapshot;
}

interface Studio extends DBSchema {
  runs: { key: string; value: KeptRun };
  open: { key: "race"; value: OpenRace };
}

let opened: Promise<IDBPDatabase<Studio>> | undefined;

/** Rejects where the browser keeps nothing, such as in some private windows. */
function open(): Promise<IDBPDatabase<Studio>> {
  opened ??= openDB<Studio>("webgraft", 1, {
    upgrade(db) {
      db.createObjectStore("runs");
      db.createObjectStore("open");
    },
  });
  return opened;
}

export const keptRuns = async (): Promise<readonly KeptRun[]> => (await open()).getAll("runs");

export async function keepRun(run: KeptRun): Promise<void> {
  await (await open()).put("runs", run, run.record.id);
}

export async function removeRun(id: string): Promise<void> {
  await (await open()).delete("runs", id);
}

export const openRace = async (): Promise<OpenRace | undefined> => (await open()).get("open", "race");

export async function keepOpenRace(race: OpenRace | undefined): Promise<void> {
  const db = await open();
  if (race) await db.put("open", race, "race");
  else await db.delete("open", "race");
}
