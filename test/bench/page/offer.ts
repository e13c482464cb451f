/** Where a part of the bench is. */
export interface ProgressEvent {
  readonly done: number;
  readonly total: number;
  readonly text: string;
}

export type Progress = (event: ProgressEvent) => void;

/** What a page has for `visit.ts`, which gives the other three functions. */
export interface PageGlobals<S, R> {
  /** Starts, and returns at once: one call into a page must not take long. */
  start(settings: S): void;
  progress: Progress;
  finish(result: R): void;
  fail(reason: string): void;
}

/** Makes `run` what this page does. */
export function offer<S, R>(run: (settings: S, progress: Progress) => Promise<R>): void {
  const globals = globalThis as unknown as PageGlobals<S, R>;
  globals.start = (settings) => {
    run(settings, globals.progress).then(globals.finish, (error: unknown) =>
      globals.fail(error instanceof Error ? error.message : String(error)),
    );
  };
}
