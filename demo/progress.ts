import type { JobEvent } from "webgraft/job";
import type { Phase } from "./controls.ts";
import { byId } from "./dom.ts";
import { count, duration, mebibytes, percent } from "./format.ts";

type Ready = JobEvent & { type: "ready" };
type Step = JobEvent & { type: "step" };

/** The progress of a run, in words, figures and a bar. */
export class Progress {
  readonly #bar = byId("progress", HTMLProgressElement);
  readonly #status = byId("status", HTMLElement);
  readonly #plan = byId("plan", HTMLElement);
  readonly #figures = {
    step: byId("step", HTMLElement),
    loss: byId("loss", HTMLElement),
    accuracy: byId("accuracy", HTMLElement),
    speed: byId("speed", HTMLElement),
    left: byId("left", HTMLElement),
    test: byId("test", HTMLElement),
  };
  #ready: Ready | undefined;
  #last: Step[] = [];
  #evaluationStart = 0;
  /** How much was loaded from pretrained weights, as text. */
  #loaded = "";

  enter(phase: Phase): void {
    const words: Readonly<Record<Phase, string>> = {
      unable: "Training needs WebGPU",
      idle: "Ready to train",
      starting: "Starting",
      caching: "Computing the features of the frozen part",
      training: "Training",
      pausing: "Pausing",
      paused: "Paused",
      evaluating: "Testing",
      stopping: "Stopping",
      stopped: "Stopped",
      done: "Done",
      failed: "Failed",
    };
    this.#say(words[phase]);
    if (phase === "evaluating") this.#evaluationStart = performance.now();
    if (phase === "starting") this.#clear();
    if (phase === "paused" || phase === "stopped" || phase === "failed") this.#figures.left.textContent = "–";
  }

  show(event: JobEvent): void {
    const figures = this.#figures;
    switch (event.type) {
      case "loading":
        this.#say(event.loaded === event.total ? "Compiling the kernels" : `Loading ${event.what}`);
        if (event.total !== undefined) this.#bar.value = event.loaded / event.total;
        break;
      case "weights":
        this.#loaded = `${event.loaded.length} tensors pretrained · `;
        break;
      case "ready":
        this.#showReady(event);
        break;
      case "step":
        this.#showStep(event);
        break;
      case "caching": {
        const { split, done, total } = event;
        this.#bar.value = done / total;
        figures.step.textContent = `${split} ${count(done)} / ${count(total)}`;
        break;
      }
      case "evaluating": {
        const { done, total } = event;
        this.#bar.value = done / total;
        const elapsed = performance.now() - this.#evaluationStart;
        // No estimate at the end.
        if (done < total) figures.left.textContent = duration((elapsed / done) * (total - done));
        figures.step.textContent = `test ${count(done)} / ${count(total)}`;
        break;
      }
      case "epoch":
        figures.test.textContent = percent(event.testAccuracy, 2);
        break;
      case "done":
        this.#bar.value = 1;
        figures.step.textContent = `${count(event.steps)} / ${count(event.steps)}`;
        figures.left.textContent = "–";
        break;
    }
  }

  /** Screen readers read the status out, so it is set only if it changes. */
  #say(text: string): void {
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #clear(): void {
    this.#last = [];
    this.#loaded = "";
    this.#plan.textContent = "";
    this.#bar.removeAttribute("value"); // How long the start takes is unknown.
    for (const figure of Object.values(this.#figures)) figure.textContent = "–";
  }

  #showReady(ready: Ready): void {
    this.#ready = ready;
    const { parameters, dispatchesPerStep, plan, firstStep, totalSteps, history } = ready;
    const { peakBytes, unsharedBytes, persistentBytes } = plan;
    this.#plan.textContent =
      `${count(parameters)} trainable parameters · ${this.#loaded}${dispatchesPerStep} dispatches a step · GPU memory: ` +
      `${mebibytes(persistentBytes)} of weights and state, ${mebibytes(peakBytes)} of temporaries ` +
      `(${mebibytes(unsharedBytes)} if none shared memory)`;
    this.#bar.value = (firstStep - 1) / totalSteps;
    this.#figures.step.textContent = `${count(firstStep - 1)} / ${count(totalSteps)}`;
    const test = history.epochs.at(-1);
    if (test) this.#figures.test.textContent = percent(test.testAccuracy, 2);
  }

  #showStep(event: Step): void {
    const { totalSteps } = this.#ready!;
    const figures = this.#figures;
    this.#last.push(event);
    if (this.#last.length > 20) this.#last.shift();
    const sum = (value: (step: Step) => number): number => this.#last.reduce((all, s) => all + value(s), 0);
    const milliseconds = sum((step) => step.milliseconds);
    const speed = (sum((step) => step.examples) / milliseconds) * 1000;
    this.#bar.value = event.step / totalSteps;
    figures.step.textContent = `${count(event.step)} / ${count(totalSteps)}`;
    figures.loss.textContent = event.loss.toFixed(3);
    figures.accuracy.textContent = percent(event.accuracy);
    figures.speed.textContent = `${count(Math.round(speed))} images/s`;
    figures.left.textContent = duration((milliseconds / this.#last.length) * (totalSteps - event.step));
  }
}
