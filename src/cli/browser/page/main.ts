import type { TuningStore } from "../../../gpu/tuning.ts";
import { Job } from "../../../job/job.ts";
import type { JobEvent } from "../../../job/protocol.ts";
import type { JobSettings } from "../../../job/settings.ts";
import type { TuneMode } from "../../../train/tune.ts";

declare global {
  interface Window {
    /** Passes an event to the command line. */
    report(event: JobEvent): Promise<void>;
    readonly webgraftJob: {
      /** `resumed`: resumes from the checkpoint that the command line serves. */
      start(settings: JobSettings, resumed: boolean): Promise<void>;
      stop(): void;
    };
  }
}

const tuningUrl = (device: string): string => `/tuning?device=${encodeURIComponent(device)}`;

/** Keeps tables in a file of the command line, since this browser's own storage ends with it. */
const tuningStore: TuningStore = {
  read: async (device) => (await (await fetch(tuningUrl(device))).json()) ?? undefined,
  async write(device, table) {
    await fetch(tuningUrl(device), { method: "PUT", body: JSON.stringify(table) });
  },
};

// Sends one event at a time, to keep them in order.
let sent = Promise.resolve();
const job = new Job(
  (event) => {
    sent = sent.then(() => send(event));
  },
  {
    dataUrl: "/data",
    weightsUrl,
    tune: new URLSearchParams(location.search).get("tune") as TuneMode,
    tuningStore,
  },
);

/** The server finds a file by its index; the name tells the kind of file, and names the files beside it. */
function weightsUrl(file: string, index: number): string {
  const name = file.split(/[/\\]/).at(-1)!;
  return `${location.origin}/weights/${index}/${encodeURIComponent(name)}`;
}

async function send(event: JobEvent): Promise<void> {
  if (event.type !== "checkpoint") return window.report(event);
  await fetch(`/checkpoint?step=${event.step}`, { method: "POST", body: event.bytes });
}

Object.assign(window, {
  webgraftJob: {
    async start(settings: JobSettings, resumed: boolean) {
      if (!resumed) return job.handle({ type: "start", settings });
      const checkpoint = new Uint8Array(await (await fetch("/checkpoint")).arrayBuffer());
      job.handle({ type: "start", settings, checkpoint });
    },
    stop: () => job.handle({ type: "stop" }),
  },
});
