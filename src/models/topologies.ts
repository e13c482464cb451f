import { WebgraftError } from "../errors.ts";
import { convnet, interleaved } from "./interleaved.ts";
import type { Model, ModelOptions } from "./model.ts";
import { type NetworkOptions, network } from "./network.ts";

/** Every topology by name, for those who choose at run time; others import the one they want. */
const TOPOLOGIES: Readonly<Record<string, (options: ModelOptions) => Model>> = { interleaved, convnet };

export const topologyNames = (): readonly string[] => Object.keys(TOPOLOGIES);

/** Makes the topology of this name; it also gets options beyond the common ones. Throws for an unknown name. */
export function createModel(
  name: string,
  options: ModelOptions & Readonly<Record<string, unknown>> = {},
): Model {
  // No topology of its own, but whatever its layers say.
  if (name === "network") return network(options as unknown as NetworkOptions);
  if (!Object.hasOwn(TOPOLOGIES, name)) {
    throw new WebgraftError(
      `model: no topology has this name — ${name}; known: ${topologyNames().join(", ")}`,
    );
  }
  return TOPOLOGIES[name]!(options);
}
