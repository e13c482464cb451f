/** The runs that this browser keeps as the page sees them, and what one can do with them. */
import { computed, signal } from "@preact/signals";
import { readRunFile } from "../runs/file.ts";
import type { RunRecord } from "../runs/run.ts";
import {
  forgetRemoved,
  type KeptRun,
  keepRun,
  keptRecord,
  type Marks,
  markRuns,
  onRunsChanged,
  removeRun,
  storedRuns,
} from "../runs/store.ts";

/** More lines than those of so many runs nobody can tell apart. */
export const MOST_CHOSEN = 8;

/** What went wrong, in words. */
export const problem = signal<string | undefined>(undefined);

/** What was done, in words. */
export const notice = signal<string | undefined>(undefined);

let unwatch: (() => void) | undefined;

/** All, those removed too; undefined until they are read, which they are while somebody looks. */
const stored = signal<readonly KeptRun[] | undefined>(undefined, {
  watched() {
    unwatch = onRunsChanged(() => void refresh());
    void refresh();
  },
  unwatched: () => unwatch?.(),
});

async function refresh(): Promise<void> {
  try {
    stored.value = await storedRuns();
  } catch (error) {
    stored.value ??= [];
    problem.value = `This browser keeps no runs, as in some private windows: ${(error as Error).message}`;
  }
}

/** Pinned ones first, then the youngest; undefined until they are read. */
export const kept = computed(() => stored.value?.filter(({ removed }) => removed === undefined));

/** Those that were removed last, and can be put back. */
export const removed = computed(() => {
  const last = Math.max(...(stored.value ?? []).map((run) => run.removed ?? 0));
  return last > 0 ? stored.value!.filter((run) => run.removed === last) : [];
});

const picked = signal<ReadonlySet<string> | undefined>(undefined);

/** Those that are compared: until the visitor chooses, the first three. */
export const chosen = computed(() => {
  const runs = kept.value ?? [];
  const ids = picked.value;
  return ids ? runs.filter(({ record }) => ids.has(record.id)) : runs.slice(0, 3);
});

export function choose(id: string, on: boolean): void {
  const ids = new Set(chosen.value.map(({ record }) => record.id));
  if (on) ids.add(id);
  else ids.delete(id);
  picked.value = ids;
}

/** A run as far as it was when it was read. */
interface ReadRecord {
  readonly record: RunRecord;
  readonly progress: string;
}

const read = signal<ReadonlyMap<string, ReadRecord>>(new Map());

const progressOf = ({ record: { seeds, stopped } }: KeptRun): string => `${seeds.length} ${stopped}`;

/** The whole records of the chosen runs, as far as they have been read. */
export const records = computed(() =>
  chosen.value.flatMap(({ record: { id } }) => read.value.get(id)?.record ?? []),
);

/** Reads what is missing of the records of the chosen runs: an effect of the view. */
export function readChosen(): void {
  const runs = chosen.value;
  const known = read.peek();
  const isRead = (run: KeptRun): boolean => known.get(run.record.id)?.progress === progressOf(run);
  if (runs.length === known.size && runs.every(isRead)) return;
  void telling(async () => {
    const entries = await Promise.all(
      runs.map(async (run) => {
        const { id } = run.record;
        if (isRead(run)) return [[id, known.get(id)!] as const];
        const record = await keptRecord(id);
        return record ? [[id, { record, progress: progressOf(run) }] as const] : [];
      }),
    );
    if (chosen.peek() === runs) read.value = new Map(entries.flat());
  });
}

/** Changes what is kept and reads it anew. */
const change = (work: () => Promise<void>): Promise<void> =>
  trying(async () => {
    await work();
    await refresh();
  });

export const mark = (run: KeptRun, marks: Partial<Marks>): Promise<void> =>
  change(() => markRuns([run.record.id], marks));

export const remove = (...runs: readonly KeptRun[]): Promise<void> =>
  change(() => removeRun(...runs.map(({ record }) => record.id)));

/** Puts back what was removed last. */
export const putBack = (): Promise<void> =>
  change(() =>
    markRuns(
      removed.value.map(({ record }) => record.id),
      { removed: undefined },
    ),
  );

export const removeForGood = (): Promise<void> => change(forgetRemoved);

/** Keeps the runs in files and chooses them. */
export async function openFiles(files: readonly File[]): Promise<void> {
  for (const file of files) {
    await trying(async () => {
      const record = await readRunFile(file);
      const known = stored.value?.find((run) => run.record.id === record.id);
      // What anybody may have written does not take the place of what was raced here.
      if (known) await markRuns([record.id], { removed: undefined });
      else await keepRun(record);
      await refresh();
      choose(record.id, true);
      notice.value = known ? `The run in ${file.name} is kept already.` : `The run in ${file.name} is kept.`;
    });
  }
}

/** The whole record of a run; undefined, with the problem told, if it cannot be read. */
export async function recordOf(run: KeptRun): Promise<RunRecord | undefined> {
  let record: RunRecord | undefined;
  await trying(async () => {
    record = await keptRecord(run.record.id);
  });
  return record;
}

export async function trying(work: () => Promise<unknown>): Promise<void> {
  problem.value = undefined;
  notice.value = undefined;
  await telling(work);
}

/** Says what goes wrong, and goes on. */
async function telling(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { name, message } = error as Error;
    problem.value =
      name === "QuotaExceededError"
        ? "This browser's storage for this page is full. Save runs as files and remove them to make room."
        : message;
  }
}
