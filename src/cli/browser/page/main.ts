import type { TuningStore } from "../../../gpu/tuning.ts";
import { Job } from "../../../job/job.ts";
import type { JobEvent } from "../../../job/protocol.ts";
import type { JobSettings } from "../../../job/settings.ts";
import type { TuneMode } from "../../../train/tuning/tune.ts";

/** What the command line asks of a run, beyond its settings. */
export interface PageOptions {
  readonly tune: TuneMode;
  /** Seconds. */
  readonly checkpointEvery: number;
  /** Resumes from the checkpoint that the command line serves. */
  readonly resumed: boolean;
  /** Pauses before the first step. */
  readonly paused: boolean;
}

declare global {
  interface Window {
    /** Passes an event to the command line. */
    report(event: JobEvent): Promise<void>;
    readonly webgraftJob: {
      start(settings: JobSettings, options: PageOptions): Promise<void>;
      stop(): void;
    };
  }
}

/** The address of what the command line's server has; this page's own holds the secret. */
const here = (path: string): string => new URL(path, location.href).href;

const tuningUrl = (device: string): string => here(`tuning?device=${encodeURIComponent(device)}`);

/** Keeps tables in a file of the command line, since this browser's own storage ends with it. */
const tuningStore: TuningStore = {
  read: async (device) => (await (await fetch(tuningUrl(device))).json()) ?? undefined,
  async write(device, table) {
    await fetch(tuningUrl(device), { method: "PUT", body: JSON.stringify(table) });
  },
};

// Sends one event at a time, to keep them in order.
let sent = Promise.resolve();
let job: Job | undefined;

/** The server finds a file by its index; the name tells the kind of file, and names the files beside it. */
function weightsUrl(file: string, index: number): string {
  const name = file.split(/[/\\]/).at(-1)!;
  return here(`weights/${index}/${encodeURIComponent(name)}`);
}

async function send(event: JobEvent): Promise<void> {
  if (event.type !== "checkpoint") return window.report(event);
  const response = await fetch(here("checkpoint"), { method: "POST", body: event.bytes });
  if (!response.ok) throw new Error(`the command line refused a checkpoint — ${await response.text()}`);
}

Object.assign(window, {
  webgraftJob: {
    async start(settings: JobSettings, { tune, checkpointEvery, resumed, paused }: PageOptions) {
      job = new Job(
        (event) => {
          sent = sent.then(() => send(event));
        },
        { dataUrl: here("data"), weightsUrl, tune, tuningStore, checkpointEvery },
      );
      if (paused) job.handle({ type: "pause" });
      if (!resumed) return job.handle({ type: "start", settings });
      const checkpoint = new Uint8Array(await (await fetch(here("checkpoint"))).arrayBuffer());
      job.handle({ type: "start", settings, checkpoint });
    },
    stop: () => job?.handle({ type: "stop" }),
  },
});
