import type { OpNode } from "../graph/op.ts";
import { countNumbers, inspect, type Model } from "./model.ts";

/**
 * A table of a model's layers, with output shapes (N for the batch) and parameters, and the totals below:
 * all parameters, and those that train where `frozen` names do not. Needs no GPU.
 */
export function summary(model: Model, frozen?: (name: string) => boolean): string {
  const graph = inspect(model, frozen);
  const parametersOf = ({ inputs }: OpNode): number =>
    countNumbers(graph.parameters.filter(({ tensor }) => Object.values(inputs).includes(tensor)));
  const rows = graph.nodes.map((node) => [
    node.label,
    node.op.name,
    `(N, ${node.outputs.y?.shape.slice(1).join(", ")})`,
    grouped(parametersOf(node)),
  ]);
  const header = ["Layer", "Operation", "Output", "Parameters"];
  const input = ["images", "input", `(N, ${model.inputShape.join(", ")})`, "0"];
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

/** 326,346, whatever the language of the system. */
const grouped = (count: number): string => count.toLocaleString("en-US");

/** Lines of columns, the last one flush right, with a rule below the header. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  "),
  );
  return [lines[0]!, "─".repeat(lines[0]!.length), ...lines.slice(1)];
}
