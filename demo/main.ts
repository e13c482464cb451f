import { describeAdapter, isSoftwareAdapter } from "webgraft";
import type { JobCommand, JobEvent, JobSettings } from "webgraft/job";
import { Controls, type Phase } from "./controls.ts";
import { Curves } from "./curves.ts";
import { byId } from "./dom.ts";
import { PredictionGrid } from "./predictions.ts";
import { Progress } from "./progress.ts";
import { SettingsForm } from "./settings-form.ts";

interface Checkpoint {
  readonly step: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const form = new SettingsForm();
const curves = new Curves();
const grid = new PredictionGrid();
const progress = new Progress();
const problem = byId("problem", HTMLElement);
const adapter = byId("adapter", HTMLElement);

let worker: Worker | undefined;
let checkpoint: Checkpoint | undefined;
let downloadWanted = false;
/** The checkpoint that this run resumed from. */
let resumed: Uint8Array<ArrayBuffer> | undefined;
let stepsPerEpoch = 1;
let shown: readonly number[] = [];
/** When predictions were last requested, and when they will be next. */
const predictions = { asked: 0, next: 0 };

const controls = new Controls({
  start: () => start(form.read()),
  open: async (file) => start(form.read(), new Uint8Array(await file.arrayBuffer())),
  continue: () => checkpoint && start(form.read(), checkpoint.bytes),
  pause: () => send({ type: "pause" }),
  resume: () => {
    send({ type: "resume" });
    enter("training");
  },
  stop: () => send({ type: "stop" }),
  download() {
    if (controls.running || controls.phase === "done") {
      downloadWanted = true;
      send({ type: "checkpoint" });
    } else if (checkpoint) {
      download(checkpoint);
    }
  },
  failed: complain,
});

function start(settings: JobSettings, from?: Uint8Array<ArrayBuffer>): void {
  worker?.terminate();
  worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<JobEvent>) => show(data));
  worker.addEventListener("error", ({ message }) => {
    complain(new Error(message || "The training worker could not be started."));
    enter("failed");
  });
  problem.hidden = true;
  downloadWanted = false;
  checkpoint = undefined;
  resumed = from;
  enter("starting");
  send({ type: "start", settings, ...(from && { checkpoint: from }) });
}

function send(command: JobCommand): void {
  worker?.postMessage(command);
}

function enter(phase: Phase): void {
  controls.enter(phase, checkpoint?.step);
  form.enabled = controls.phase !== "unable" && !controls.running;
  progress.enter(phase);
}

function complain(error: Error): void {
  problem.textContent = error.message;
  problem.hidden = false;
}

function show(event: JobEvent): void {
  progress.show(event);
  switch (event.type) {
    case "adapter":
      adapter.textContent = event.adapter;
      adapter.hidden = false;
      break;
    case "ready": {
      const { settings, examples, firstStep, totalSteps, history } = event;
      if (resumed) checkpoint = { step: firstStep - 1, bytes: resumed };
      stepsPerEpoch = totalSteps / settings.epochs;
      form.show(settings, examples);
      curves.clear();
      for (const step of history.steps) curves.addStep(step);
      for (const epoch of history.epochs) curves.addTest(epoch.epoch * stepsPerEpoch, epoch);
      shown = grid.reset(event);
      predict();
      enter("training");
      break;
    }
    case "step":
      if (["evaluating", "caching"].includes(controls.phase)) enter("training");
      curves.addStep(event);
      if (performance.now() > predictions.next) predict();
      break;
    case "caching":
      if (controls.phase === "training") enter("caching");
      break;
    case "evaluating":
      if (controls.phase === "training") enter("evaluating");
      break;
    case "epoch":
      curves.addTest(event.epoch * stepsPerEpoch, event);
      predict();
      break;
    case "predictions":
      grid.show(event);
      // Predictions take at most a tenth of the time.
      predictions.next = performance.now() + Math.max(1000, 10 * (performance.now() - predictions.asked));
      break;
    case "checkpoint":
      checkpoint = event;
      if (downloadWanted) download(event);
      downloadWanted = false;
      controls.enter(controls.phase, event.step);
      break;
    case "paused":
    case "done":
    case "stopped":
      enter(event.type);
      break;
    case "error":
      complain(new Error(explain(event)));
      enter("failed");
      break;
  }
}

function predict(): void {
  predictions.asked = performance.now();
  predictions.next = Number.POSITIVE_INFINITY;
  send({ type: "predict", indices: shown });
}

function explain({ name, message }: JobEvent & { type: "error" }): string {
  const advice =
    name === "DeviceLostError"
      ? " The driver was reset, or the browser took the GPU away."
      : name === "OutOfMemoryError"
        ? " Try a smaller batch."
        : "";
  const rescue = checkpoint ? ` You can continue from step ${checkpoint.step}.` : "";
  return `Training failed: ${message.replace(/[.;]?$/, ".")}${advice}${rescue}`;
}

function download({ step, bytes }: Checkpoint): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = `webgraft-step-${step}.safetensors`;
  link.click();
  URL.revokeObjectURL(link.href);
}

const gpu = await navigator.gpu?.requestAdapter();
if (gpu && isSoftwareAdapter(gpu.info)) {
  const notice = byId("notice", HTMLElement);
  notice.hidden = false; // First, since a screen reader reads what changes in an element that is shown.
  notice.textContent =
    `This browser emulates the GPU on the CPU (${describeAdapter(gpu.info)}). Everything works, but slowly: the run below ` +
    "takes minutes instead of seconds, larger networks much longer, and the computer is busy meanwhile. If it has a GPU, " +
    "turn on hardware acceleration in the browser's settings.";
}
form.hasHalf = gpu?.features.has("shader-f16") === true;
if (!gpu) {
  const reason = navigator.gpu
    ? "This browser has WebGPU, but found no GPU to use. Check the graphics driver and the browser's settings."
    : "This browser has no WebGPU. Use a current Chrome, Edge, Firefox or Safari, and open this page over " +
      "https or from localhost.";
  complain(new Error(reason));
  enter("unable");
}
