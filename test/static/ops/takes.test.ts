/** Inputs and options that only JavaScript lets pass are refused by name, with what the op takes. */
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Op, Tensors } from "../../../src/graph/op.ts";
import * as ops from "../../../src/ops/index.ts";

const all = Object.entries(ops) as unknown as [string, Op<Tensors, unknown, Tensors>][];

/** Makes a node with inputs of these shapes. */
function apply(op: unknown, shapes: Record<string, number[]>, attrs: unknown): () => unknown {
  const graph = new Graph({ mode: "eval" });
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, graph.input(name, shape)]),
  );
  return () => graph.apply(op as Op<Tensors, unknown, Tensors>, "node", inputs, attrs);
}

const conv = { x: [1, 4, 4, 4], weight: [3, 3, 4, 4] };
const good = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };

describe.each(all)("%s", (_, op) => {
  it("says what it takes", () => {
    expect(op.takes).toBeDefined();
  });

  it("without inputs is a ShapeError", () => {
    expect(apply(op, {}, {})).toThrow(ShapeError);
    expect(apply(op, {}, {})).toThrow(
      new RegExp(`^${op.name}: needs the input \\w+ — got none; it takes \\w+`),
    );
  });

  it("with odd options is a ShapeError", () => {
    const needed = Object.entries(op.takes!.inputs).filter(([, need]) => need === "required");
    const shapes = Object.fromEntries(needed.map(([name]) => [name, [1, 4, 4, 4]]));
    for (const options of ["same", null, 5, { "no such option": 1 }, { padding: "same", stride: {} }]) {
      expect(apply(op, shapes, options)).toThrow(ShapeError);
    }
    const hasNeeded = Object.values(op.takes!.options).some((option) => !("optional" in (option as object)));
    if (hasNeeded)
      expect(apply(op, shapes, {})).toThrow(/: the option \w+ must be .* — got nothing; it takes /);
    if (hasNeeded)
      expect(apply(op, shapes, undefined)).toThrow(/its options must be an object with .* — got nothing/);
  });
});

it.each<[string, unknown, unknown, RegExp]>([
  [
    "padding: same",
    ops.conv2dOp,
    { ...good, padding: "same" },
    /^conv2d: the option padding must be numbers \[top, bottom, left, right\] — got "same"; it takes stride: numbers/,
  ],
  [
    "a stride of one number",
    ops.conv2dOp,
    { ...good, stride: 2 },
    /stride must be numbers \[height, width\] — got 2/,
  ],
  [
    "an activation by name",
    ops.conv2dOp,
    { ...good, activation: "relu" },
    /activation must be an object .* "relu"/,
  ],
  [
    "an unknown activation",
    ops.conv2dOp,
    { ...good, activation: { name: "rulu" } },
    /the option activation\.name must be identity, relu, .* — got "rulu"/,
  ],
  [
    "a misspelt option",
    ops.conv2dOp,
    { ...good, activaton: {} },
    /has no such option — got activaton; it takes stride/,
  ],
  ["no options", ops.conv2dOp, {}, /the option stride must be .* — got nothing/],
])("%s is refused", (_, op, attrs, message) => {
  expect(apply(op, conv, attrs)).toThrow(message);
});

it("names inputs that are unknown or missing", () => {
  expect(apply(ops.conv2dOp, { x: conv.x, wieght: conv.weight }, good)).toThrow(
    /^conv2d: needs the input weight — got x, wieght; it takes x, weight, bias\?/,
  );
  expect(apply(ops.conv2dOp, { ...conv, more: [1] }, good)).toThrow(/^conv2d: has no such input — got more/);
});

it("takes what is right", () => {
  expect(apply(ops.conv2dOp, conv, { ...good, activation: { name: "relu" } })).not.toThrow();
  expect(apply(ops.softmaxOp, { x: [2, 4] }, undefined)).not.toThrow();
});
