import { SingleBar } from "cli-progress";
import { shownProblems } from "../../data/folder.ts";
import type { JobEvent } from "../../job/protocol.ts";
import type { Gpu } from "../engine/vulkan.ts";

/** Shows the progress of a run. */
export interface Reporter {
  event(event: JobEvent): void;
  /** Shows a text between events. */
  note(text: string): void;
  /** Restores the terminal. */
  close(): void;
}

type Write = (text: string) => void;
type Ready = JobEvent & { type: "ready" };
type Weights = JobEvent & { type: "weights" };
type Step = JobEvent & { type: "step" };

/** The browser with its adapter, and what to expect of one that is emulated. */
export const browserText = (description: string, gpu: Gpu): string =>
  gpu === "hardware"
    ? description
    : `${description}\nA GPU emulated by the CPU is for tests: on this CPU a native library, such as PyTorch, trains some ` +
      "15 times as fast.";

/** Plain lines, for a log: at most one a second. */
export class LineReporter implements Reporter {
  readonly #write: Write;
  readonly #now: () => number;
  readonly #pace = new Pace();
  #ready: Ready | undefined;
  #last = Number.NEGATIVE_INFINITY;

  constructor(write: Write, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  event(event: JobEvent): void {
    switch (event.type) {
      case "decoding": {
        const { split, done, total } = event;
        if (this.#due(done === total)) this.note(`decoded ${done}/${total} images (${split})`);
        break;
      }
      case "skipped":
        this.note(skippedText(event));
        break;
      case "weights":
        this.note(weightsText(event));
        break;
      case "ready":
        this.#ready = event;
        this.note(readyText(event));
        break;
      case "tuning":
        if (this.#due(event.done === 0)) this.note(`measuring kernels ${event.done}/${event.total}`);
        break;
      case "caching": {
        const { split, done, total } = event;
        if (this.#due(done === total)) this.note(`computing features ${done}/${total} (${split})`);
        break;
      }
      case "step": {
        this.#pace.add(event);
        const { step } = event;
        const { totalSteps } = this.#ready!;
        if (!this.#due(step === this.#ready!.firstStep || step === totalSteps)) break;
        this.note(`step ${step}/${totalSteps}  ${stepText(event)}  ${this.#pace.text(totalSteps - step)}`);
        break;
      }
      case "evaluating":
        if (this.#due(event.done === event.total)) this.note(`evaluated ${event.done}/${event.total}`);
        break;
      case "epoch":
        this.note(epochText(event));
        break;
    }
  }

  note(text: string): void {
    this.#write(`${text}\n`);
  }

  close(): void {}

  #due(always: boolean): boolean {
    if (!always && this.#now() - this.#last < 1000) return false;
    this.#last = this.#now();
    return true;
  }
}

/** A progress bar, for a terminal. */
export class BarReporter implements Reporter {
  readonly #stream: NodeJS.WritableStream;
  readonly #pace = new Pace();
  #ready: Ready | undefined;
  #bar: SingleBar | undefined;
  #phase: string | undefined;
  #evaluationStart = 0;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  event(event: JobEvent): void {
    switch (event.type) {
      case "decoding":
        this.#show(`decoding (${event.split})`, event.done, event.total, "");
        break;
      case "skipped":
        this.note(skippedText(event));
        break;
      case "weights":
        this.note(weightsText(event));
        break;
      case "ready":
        this.#ready = event;
        this.note(readyText(event));
        break;
      case "tuning":
        this.#show("measuring kernels", event.done, event.total, "");
        break;
      case "caching":
        this.#show(`computing features (${event.split})`, event.done, event.total, "");
        break;
      case "step": {
        const { totalSteps } = this.#ready!;
        this.#pace.add(event);
        const text = `${stepText(event)}  ${this.#pace.text(totalSteps - event.step)}`;
        this.#show("training", event.step, totalSteps, text);
        break;
      }
      case "evaluating": {
        const { done, total } = event;
        if (this.#phase !== "evaluating") this.#evaluationStart = performance.now();
        const elapsed = performance.now() - this.#evaluationStart;
        const left = elapsed > 0 ? `${duration((elapsed / done) * (total - done))} left` : "";
        this.#show("evaluating", done, total, left);
        break;
      }
      case "epoch":
        this.note(epochText(event));
        break;
    }
  }

  note(text: string): void {
    this.close();
    this.#stream.write(`${text}\n`);
  }

  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#phase = undefined;
  }

  #show(phase: string, done: number, total: number, text: string): void {
    if (this.#phase !== phase) {
      this.close();
      this.#phase = phase;
      this.#bar = new SingleBar({
        format: `${phase} {bar} {value}/{total}  {text}`,
        stream: this.#stream,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 24,
        hideCursor: true,
        // The command handles Ctrl-C itself.
        gracefulExit: false,
      });
      this.#bar.start(total, done, { text });
    } else {
      this.#bar!.update(done, { text });
    }
  }
}

/** The speed of the last steps. */
class Pace {
  readonly #last: Step[] = [];

  add(step: Step): void {
    this.#last.push(step);
    if (this.#last.length > 20) this.#last.shift();
  }

  text(stepsLeft: number): string {
    let examples = 0;
    let milliseconds = 0;
    for (const step of this.#last) {
      examples += step.examples;
      milliseconds += step.milliseconds;
    }
    const speed = (examples / milliseconds) * 1000;
    const left = (milliseconds / this.#last.length) * stepsLeft;
    return `${speed.toFixed(speed < 100 ? 1 : 0)} images/s  ${duration(left)} left`;
  }
}

/** `1:02:03`, `2:03`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

export function bytesText(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function readyText(ready: Ready): string {
  const { settings, parameters, dispatchesPerStep, plan, firstStep, examples, examplesPerEpoch } = ready;
  const { topology, data, epochs, batch, lr, optimizer, seed, augment = [] } = settings;
  const lines = [
    `${topology} (${parameters.toLocaleString("en")} parameters) on ${examples} images of ${data}: ` +
      `${epochs} ${epochs === 1 ? "epoch" : "epochs"}, batches of ${batch}, ${optimizer} at ${lr}, seed ${seed}` +
      (augment.length > 0 ? `, augmentation ${augment.join(", ")}` : ""),
    `${dispatchesPerStep} dispatches a step; temporaries take ${bytesText(plan.peakBytes)}, ` +
      `${bytesText(plan.unsharedBytes)} without sharing`,
  ];
  if (examplesPerEpoch < examples) {
    lines.push(
      "each epoch leaves out one image, another one each time: it would be alone in the last batch, where a batch norm " +
        "over one pixel has no variance",
    );
  }
  if (firstStep > 1) lines.push(`resuming with step ${firstStep}`);
  return lines.join("\n");
}

const skippedText = ({ split, count, images }: JobEvent & { type: "skipped" }): string =>
  `left out ${count} ${count === 1 ? "image" : "images"} to ${split} on:${shownProblems(images, count)}`;

/** How many names are shown; `--json` has them all. */
const NAMES = 8;

/** What of a weight file was loaded, and what was not. */
function weightsText(event: Weights): string {
  const { file, prefix, loaded, missing, unexpected, mismatched, adapted, unfolded, differences } = event;
  const { preprocessing } = event;
  const part = prefix === "" ? "" : ` of ${prefix}*`;
  const total = loaded.length + missing.length + mismatched.length;
  const some = (what: string, names: readonly string[]): string[] => {
    if (names.length === 0) return [];
    const more = names.length > NAMES ? `, and ${names.length - NAMES} more` : "";
    return [`  ${names.length} ${what}: ${names.slice(0, NAMES).join(", ")}${more}`];
  };
  const shapes = mismatched.map(
    ({ name, expected, got }) => `${name} (${got.join(", ")}) for (${expected.join(", ")})`,
  );
  return [
    `${file}: ${loaded.length} of ${total} weights${part} loaded`,
    ...some(
      "adapted to the model's channels",
      adapted.map(({ name, from, to }) => `${name} (${from.join(", ")}) to (${to.join(", ")})`),
    ),
    ...some("batch norms, folded into convolutions in the file", unfolded),
    ...some("missing, which keep their random values", missing),
    ...some("skipped for their shapes", shapes),
    ...some("not in the model", unexpected),
    ...some(
      "computed differently in the file",
      differences.map(
        ({ name, option, expected, got }) =>
          `${name} (${option} ${got.join(", ")} instead of ${expected.join(", ")})`,
      ),
    ),
    ...(preprocessing
      ? [
          `  its network expects other preprocessing: ${preprocessing.mode}, mean ${preprocessing.mean.join(", ")}, ` +
            `std ${preprocessing.std.join(", ")}`,
        ]
      : []),
  ].join("\n");
}

function stepText({ loss, accuracy }: Step): string {
  return `loss ${loss.toFixed(4)}  accuracy ${percent(accuracy)}`;
}

function epochText({ epoch, testLoss, testAccuracy }: JobEvent & { type: "epoch" }): string {
  return `epoch ${epoch}: test accuracy ${percent(testAccuracy)}, test loss ${testLoss.toFixed(4)}`;
}
