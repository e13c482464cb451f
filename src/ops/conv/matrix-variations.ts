/**
 * Register tiles that a GPU's matrix units compute, where `openDevice` was asked to find them. Whether they are worth it is
 * measured and never guessed: drivers for them are young, and the browser's feature is an experiment.
 */
import type { Capabilities, MatrixUnits } from "../../kernel/capabilities.ts";
import type { Variation } from "./variations.ts";

function byUnits(element: MatrixUnits["element"]): Omit<Variation, "name"> {
  const unitsOf = ({ matrixUnits }: Capabilities) => matrixUnits?.find((units) => units.element === element);
  return {
    apart: true,
    // The only tile and group that they can take the place of; sums of the batch norm's go through the panel too.
    of: ({ variant, sources }) =>
      variant === "4x8_workgroup_16x8" && !sources.some(([file]) => file === "lib/norm/by_columns.wgsl"),
    on: (device) => unitsOf(device) !== undefined && (element === "f32" || device.activations === element),
    derivedOn: (kernel, device) => unitsOf(device)!.by(kernel, device),
  };
}

export const MATRIX_VARIATIONS: readonly Variation[] = [
  { name: "matrix", ...byUnits("f32") },
  // Activations are f16 already, so only weights are rounded, as in `half_panel`.
  { name: "half_matrix", error: 2 ** -11 / 1e-6, ...byUnits("f16") },
];
