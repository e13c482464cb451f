import { WebgraftError } from "../errors.ts";
import { interleaved } from "./interleaved.ts";
import type { Model, ModelOptions } from "./model.ts";

/** Every topology by name. Those that know which one they want import its function instead. */
const TOPOLOGIES: Readonly<Record<string, (options: ModelOptions) => Model>> = { interleaved };

export const topologyNames = (): readonly string[] => Object.keys(TOPOLOGIES);

/** Makes the topology of this name; options beyond the common ones go to it too. Throws for an unknown name. */
export function createModel(
  name: string,
  options: ModelOptions & Readonly<Record<string, unknown>> = {},
): Model {
  if (!Object.hasOwn(TOPOLOGIES, name)) {
    throw new WebgraftError(
      `model: no topology has this name — ${name}; known: ${topologyNames().join(", ")}`,
    );
  }
  return TOPOLOGIES[name]!(options);
}
