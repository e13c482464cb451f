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
      if (isAble(this.#start)) void act(() => actions.start());
    });
    const onClick = (button: HTMLElement, action: () => void): void =>
      button.addEventListener("click", (event) => {
        if (isAble(button)) action();
        else event.preventDefault();
      });
    onClick(this.#continue, () => void act(() => actions.continue()));
    onClick(this.#pause, () => {
      if (this.phase === "paused") return void act(() => actions.resume());
      this.enter("pausing");
      void act(() => actions.pause());
    });
    onClick(this.#stop, () => {
      this.enter("stopping");
      void act(() => actions.stop());
    });
    onClick(this.#download, () => void act(() => actions.download()));
    onClick(this.#file, () => {}); // Opens the browser's dialog.
    this.#file.addEventListener("change", () => {
      const file = this.#file.files?.[0];
      this.#file.value = "";
      // A file can be dropped, too.
      if (file && isAble(this.#file)) void act(() => actions.open(file));
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
    // Moved before an element that has the focus goes away.
    if (!idle && document.activeElement === this.#continue) this.#pause.focus();
    if (!idle && document.activeElement?.closest("fieldset")) this.#start.focus();
    able(this.#start, idle);
    this.#start.textContent = is("done", "stopped", "failed") ? "Start again" : "Start training";
    able(this.#file, idle);
    able(this.#pause, is("caching", "training", "evaluating", "paused"));
    this.#pause.textContent = is("paused") ? "Resume" : is("pausing") ? "Pausing…" : "Pause";
    able(this.#stop, this.running && !is("stopping"));
    this.#stop.textContent = is("stopping") ? "Stopping…" : "Stop";
    able(this.#download, is("training", "evaluating", "paused", "done") || checkpoint !== undefined);
    this.#continue.hidden = !is("stopped", "failed") || checkpoint === undefined;
    this.#continue.textContent = `Continue from step ${count(checkpoint ?? 0)}`;
  }
}

/** Not by `disabled`, which would take the focus away from the button that was just pressed. */
function able(element: HTMLElement, able: boolean): void {
  element.ariaDisabled = String(!able);
}

const isAble = (element: HTMLElement): boolean => element.ariaDisabled !== "true";
