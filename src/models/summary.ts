import { type AnyNetwork, inputsOf, isClassifier } from "./network.ts";
import { type Layer, layersOf } from "./structure.ts";

/**
 * A table of a model's layers with output shapes (N for the batch) and parameters, and totals below: all parameters,
 * and those that train, given the model's frozen patterns and `frozen`. Needs no GPU. `layersOf` gives the same as data.
 */
export function summary(model: AnyNetwork, frozen?: (name: string) => boolean): string {
  const layers = layersOf(model, frozen);
  const rows = layers.map(({ label, operations, shape, parameterCount, trainableCount }) => [
    label,
    operations[0]!,
    `(N, ${shape.join(", ")})`,
    grouped(parameterCount),
    grouped(trainableCount),
  ]);
  const header = ["Layer", "Operation", "Output", "Parameters", "Trainable"];
  const inputs = Object.entries(inputsOf(model)).map(([name, shape]) => {
    return [name, "input", `(N, ${shape.join(", ")})`, "0", "0"];
  });
  const given = Object.entries(inputsOf(model)).map(([name, shape]) => `${name} (${shape.join(", ")})`);
  const sum = (count: (layer: Layer) => number): number =>
    layers.reduce((total, layer) => total + count(layer), 0);
  const total = sum(({ parameterCount }) => parameterCount);
  const trainable = sum(({ trainableCount }) => trainableCount);
  return [
    `${model.name}: ${given.join(", ")}${isClassifier(model) ? ` → ${model.classes} classes` : ""}`,
    "",
    ...table([header, ...inputs, ...rows]),
    "",
    `${grouped(total)} parameters, ${grouped(trainable)} trainable, ${grouped(total - trainable)} frozen`,
  ].join("\n");
}

/** 326,346, in any locale. */
const grouped = (count: number): string => count.toLocaleString("en-US");

/** How many columns hold text; the numbers after them are aligned right. */
const TEXTS = 3;

/** Lines of columns, with a rule below the header. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => (i < TEXTS ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  return [lines[0]!, "─".repeat(lines[0]!.length), ...lines.slice(1)];
}
