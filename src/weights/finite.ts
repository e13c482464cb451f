import { NonFiniteError } from "../base/errors.ts";
import type { NamedWeights } from "./tensors.ts";

/** How many tensors an error names. */
const NAMED = 3;

/** Throws NonFiniteError, naming the first tensors with NaN or infinity, so that no file with these is written. */
export function checkFinite(operation: string, tensors: NamedWeights): void {
  const bad = [...tensors].flatMap(([name, { data }]) => {
    const at = data.findIndex((value) => !Number.isFinite(value));
    return at < 0 ? [] : `${name} (${data[at]} at ${at})`;
  });
  if (bad.length === 0) return;
  const named = bad.slice(0, NAMED).join(", ") + (bad.length > NAMED ? ", …" : "");
  throw new NonFiniteError(
    `${operation}: ${bad.length} of ${tensors.size} tensors are not finite, so nothing was saved — ${named}; ` +
      "go back to an earlier checkpoint and train on with a smaller learning rate or clipping",
  );
}
