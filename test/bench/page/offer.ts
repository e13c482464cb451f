/** The progress of a part of the bench. */
export interface ProgressEvent {
  readonly done: number;
  readonly total: number;
  readonly text: string;
}

export type Progress = (event: ProgressEvent) => void;

/** The interface between a page, which has `start`, and `visit.ts`, which adds the other functions. */
export interface PageGlobals<S, R> {
  /** Starts and returns at once, since a call into a page must not take long. */
  start(settings: S): void;
  progress: Progress;
  finish(result: R): void;
  fail(reason: string): void;
}

/** Makes this page run `run` when it is started. */
export function offer<S, R>(run: (settings: S, progress: Progress) => Promise<R>): void {
  const globals = globalThis as unknown as PageGlobals<S, R>;
  globals.start = (settings) => {
    run(settings, globals.progress).then(globals.finish, (error: unknown) =>
      globals.fail(error instanceof Error ? error.message : String(error)),
    );
  };
}
