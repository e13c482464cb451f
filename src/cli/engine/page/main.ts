/** A run's page; Node and Deno load it as a script. */
import type { TuningStore } from "../../../gpu/tuning.ts";
import { Job } from "../../../job/job.ts";
import type { JobEvent } from "../../../job/protocol.ts";
import type { JobSettings } from "../../../job/settings.ts";
import type { TuneMode } from "../../../train/tuning/tune.ts";

/** What the command line asks of a run, beyond its settings. */
export interface PageOptions {
  /** The address of the command line's server, which holds the secret. */
  readonly home: string;
  readonly tune: TuneMode;
  /** Seconds. */
  readonly checkpointEvery: number;
  /** Resumes from the checkpoint that the command line serves. */
  readonly resumed: boolean;
  /** Pauses before the first step. */
  readonly paused: boolean;
}

declare global {
  /** Passes an event to the command line. */
  function report(event: JobEvent): unknown;
}

type Home = (path: string) => string;

/** Keeps tables in a file of the command line, since this engine's own storage ends with it. */
function tuningStore(home: Home): TuningStore {
  const url = (device: string): string => home(`tuning?device=${encodeURIComponent(device)}`);
  return {
    read: async (device) => (await (await fetch(url(device))).json()) ?? undefined,
    async write(device, table) {
      await fetch(url(device), { method: "PUT", body: JSON.stringify(table) });
    },
  };
}

async function send(home: Home, event: JobEvent): Promise<void> {
  if (event.type !== "checkpoint") {
    await report(event);
    return;
  }
  const response = await fetch(home("checkpoint"), { method: "POST", body: event.bytes });
  if (!response.ok) throw new Error(`the command line refused a checkpoint — ${await response.text()}`);
}

let job: Job | undefined;

async function startJob(settings: JobSettings, options: PageOptions): Promise<void> {
  const { tune, checkpointEvery, resumed, paused } = options;
  const home: Home = (path) => new URL(path, options.home).href;
  // Sends one event at a time, to keep them in order.
  let sent = Promise.resolve();
  const emit = (event: JobEvent): void => {
    sent = sent.then(() => send(home, event));
  };
  job = new Job(emit, {
    ...{ tune, checkpointEvery },
    dataUrl: home("data"),
    // The server finds a file by its index; the name tells the kind of file, and names the files beside it.
    weightsUrl: (file, index) => home(`weights/${index}/${encodeURIComponent(file.split(/[/\\]/).at(-1)!)}`),
    tuningStore: tuningStore(home),
  });
  if (paused) job.handle({ type: "pause" });
  if (!resumed) return job.handle({ type: "start", settings });
  const checkpoint = new Uint8Array(await (await fetch(home("checkpoint"))).arrayBuffer());
  job.handle({ type: "start", settings, checkpoint });
}

const stopJob = (): void => job?.handle({ type: "stop" });

Object.assign(globalThis, { startJob, stopJob });
