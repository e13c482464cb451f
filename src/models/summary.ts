import { countNumbers, inspect, type Model } from "./model.ts";

/**
 * A table of a model's layers with output shapes (N for the batch) and parameters, and totals below: all parameters,
 * and those that train, given the model's frozen patterns and `frozen`. Needs no GPU.
 */
export function summary(model: Model, frozen?: (name: string) => boolean): string {
  const graph = inspect(model, frozen);
  // A layer's sum and activation are nodes with the same name.
  const first = graph.nodes.filter(({ label }, i) => label !== graph.nodes[i - 1]?.label);
  const rows = first.map(({ label, op, inputs, outputs }) => {
    const given = Object.values(inputs);
    const parameters = graph.parameters.filter(({ tensor }) => given.includes(tensor));
    return [
      label,
      op.name,
      `(N, ${outputs.y?.shape.slice(1).join(", ")})`,
      grouped(countNumbers(parameters)),
      grouped(countNumbers(parameters.filter(({ trainable }) => trainable))),
    ];
  });
  const header = ["Layer", "Operation", "Output", "Parameters", "Trainable"];
  const input = ["images", "input", `(N, ${model.inputShape.join(", ")})`, "0", "0"];
  const total = countNumbers(graph.parameters);
  const trainable = countNumbers(graph.parameters.filter((p) => p.trainable));
  return [
    `${model.name}: images (${model.inputShape.join(", ")}) → ${model.classes} classes`,
    "",
    ...table([header, input, ...rows]),
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
