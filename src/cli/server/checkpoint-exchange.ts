import { isDeepStrictEqual } from "node:util";
import { WeightsError } from "../../base/errors.ts";
import { historyOf, settingsOf } from "../../job/job-metadata.ts";
import type { JobEvent } from "../../job/protocol.ts";
import type { JobSettings } from "../../job/settings.ts";
import { readCheckpointMetadata } from "../../train/checkpoint.ts";
import { bodyOf, hasMethod, type Route, refuse } from "./serve.ts";

/** Bytes; Node's arrays hold no more. */
const MAX_CHECKPOINT = 2 ** 32 - 1;

export interface CheckpointExchange {
  readonly settings: JobSettings;
  /** The checkpoint that the run goes on from. */
  readonly resumed: Uint8Array | undefined;
  readonly onCheckpoint: (event: JobEvent & { type: "checkpoint" }) => void;
}

/**
 * Gives the page the checkpoint to go on from at `GET checkpoint`, and takes new ones at `POST checkpoint`, as bytes.
 * Refuses what is no checkpoint of this run, or is older than the last one.
 */
export function checkpointExchange({ settings, resumed, onCheckpoint }: CheckpointExchange): Route {
  const source = "checkpoint";
  let last = resumed ? stepOf(resumed, source) : 0;
  const stepIn = (bytes: Uint8Array): number => {
    if (!isDeepStrictEqual(settingsOf(bytes, source), settings)) {
      throw new WeightsError(`${source}: is of a run with other settings`);
    }
    historyOf(bytes, source);
    const step = stepOf(bytes, source);
    if (step < last)
      throw new WeightsError(`${source}: is of step ${step}, the last one was of step ${last}`);
    return step;
  };
  return async (path, request, response) => {
    if (path !== "checkpoint") return false;
    if (!hasMethod(request, response, "GET", "POST")) return true;
    if (request.method === "GET") {
      if (resumed) response.end(resumed);
      else refuse(response, 404, "the run began without a checkpoint");
      return true;
    }
    const bytes = await bodyOf(request, response, MAX_CHECKPOINT);
    if (!bytes) return true;
    try {
      last = stepIn(bytes);
    } catch (error) {
      if (!(error instanceof WeightsError)) throw error;
      refuse(response, 400, error.message);
      return true;
    }
    onCheckpoint({ type: "checkpoint", step: last, bytes });
    response.end();
    return true;
  };
}

const stepOf = (file: Uint8Array, source: string): number =>
  Number(readCheckpointMetadata(file, source).step);
