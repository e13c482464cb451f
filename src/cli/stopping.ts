import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Why a run is to stop early; SIGPIPE: the reader of its output has left, such as `head` or a closed terminal. */
export type StopReason = (typeof SIGNALS)[number] | "SIGPIPE";

export const exitCode = (reason: StopReason): number => 128 + constants.signals[reason];

let stop: ((reason: StopReason) => void) | undefined;

/** Ends the process when its output has no reader, or lets `stopWith` end it. */
export function watchOutput(): void {
  // A terminal that was closed refuses both; nobody is left to be told of it.
  process.stderr.on("error", () => {});
  process.stdout.on("error", () => {
    if (stop) stop("SIGPIPE");
    else process.exit(exitCode("SIGPIPE"));
  });
}

/**
 * Calls `first` when this process is asked to end. A second signal calls `last` and ends the process at once.
 */
export function stopWith(first: (reason: StopReason) => void, last: () => void): void {
  let before: number | undefined;
  stop = (reason) => {
    const now = performance.now();
    if (before === undefined) {
      before = now;
      first(reason);
    } else if (reason !== "SIGPIPE" && now - before > 300) {
      // A repeat within 300 ms is the same Ctrl-C: npm passes on a signal that the terminal has sent to all processes.
      last();
      process.exit(exitCode(reason));
    }
  };
  for (const signal of SIGNALS) process.on(signal, stop);
}
