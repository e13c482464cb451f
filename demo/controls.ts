import { byId } from "./dom.ts";
import { count } from "./format.ts";

export type Phase =
  | "unable"
  | "idle"
  | "starting"
  | "caching"
  | "training"
  | "pausing"
  | "paused"
  | "evaluating"
  | "stopping"
  | "stopped"
  | "done"
  | "failed";

export interface Actions {
  start(): void;
  /** Starts from a checkpoint on the user's disk. */
  open(file: File): void | Promise<void>;
  /** Resumes from this page's last checkpoint. */
  continue(): void;
  pause(): void;
  resume(): void;
  stop(): void;
  download(): void;
  /** Called with what another action throws. */
  failed(error: Error): void;
}

/** The buttons of a run: what they do, and when they are enabled. */
export class Controls {
  phase: Phase = "idle";
  readonly #start = byId("start", HTMLButtonElement);
  readonly #continue = byId("continue", HTMLButtonElement);
  readonly #pause = byId("pause", HTMLButtonElement);
  readonly #stop = byId("stop", HTMLButtonElement);
  readonly #download = byId("download", HTMLButtonElement);
  readonly #file = byId("file", HTMLInputElement);

  constructor(actions: Actions) {
    const act = async (action: () => void | Promise<void>): Promise<void> => {
      try {
        await action();
      } catch (error) {
        actions.failed(error as Error);
      }
    };
    byId("settings", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void act(() => actions.start());
    });
    this.#continue.addEventListener("click", () => void act(() => actions.continue()));
    this.#pause.addEventListener("click", () => {
      if (this.phase === "paused") return void act(() => actions.resume());
      this.enter("pausing");
      void act(() => actions.pause());
    });
    this.#stop.addEventListener("click", () => {
      this.enter("stopping");
      void act(() => actions.stop());
    });
    this.#download.addEventListener("click", () => void act(() => actions.download()));
    this.#file.addEventListener("change", () => {
      const file = this.#file.files?.[0];
      this.#file.value = "";
      if (file) void act(() => actions.open(file));
    });
  }

  /** Whether a run is in progress. */
  get running(): boolean {
    return ["starting", "caching", "training", "pausing", "paused", "evaluating", "stopping"].includes(
      this.phase,
    );
  }

  /** `checkpoint` is the step of the last checkpoint, if there is one. */
  enter(phase: Phase, checkpoint?: number): void {
    this.phase = phase;
    const is = (...phases: readonly Phase[]): boolean => phases.includes(phase);
    const idle = !this.running && phase !== "unable";
    this.#start.disabled = !idle;
    this.#start.textContent = is("done", "stopped", "failed") ? "Start again" : "Start training";
    this.#file.disabled = !idle;
    this.#pause.disabled = !is("caching", "training", "evaluating", "paused");
    this.#pause.textContent = is("paused") ? "Resume" : is("pausing") ? "Pausing…" : "Pause";
    this.#stop.disabled = !this.running || is("stopping");
    this.#stop.textContent = is("stopping") ? "Stopping…" : "Stop";
    this.#download.disabled = !is("training", "evaluating", "paused", "done") && checkpoint === undefined;
    this.#continue.hidden = !is("stopped", "failed") || checkpoint === undefined;
    this.#continue.textContent = `Continue from step ${count(checkpoint ?? 0)}`;
  }
}
