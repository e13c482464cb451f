import type { TuningStore, TuningTable } from "./tuning.ts";

const NAME = "webgraft";
const TABLES = "tuning";

/** Keeps tables in the browser's IndexedDB; does nothing where that is not available. */
export const browserStore: TuningStore = {
  async read(device) {
    return (await access("readonly", (tables) => tables.get(device))) ?? undefined;
  },
  async write(device, table: TuningTable) {
    await access("readwrite", (tables) => tables.put(table, device));
  },
};

async function access(
  mode: IDBTransactionMode,
  use: (tables: IDBObjectStore) => IDBRequest,
): Promise<unknown> {
  if (!globalThis.indexedDB) return undefined;
  try {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(TABLES);
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    try {
      const transaction = database.transaction(TABLES, mode, { durability: "strict" });
      const request = use(transaction.objectStore(TABLES));
      // Only a completed transaction survives a crash.
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      return request.result;
    } finally {
      database.close();
    }
  } catch {
    return undefined; // In private windows and on full disks, measurements are not kept.
  }
}
