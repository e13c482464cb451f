import { describe, expect, it } from "vitest";
import { halfBindings } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { gradients } from "../../../src/ops/gradients.ts";
import * as ops from "../../../src/ops/index.ts";
import { RESIZE } from "../../../src/run/preprocessor.ts";
import { hasGradients } from "../../../src/testing/expected.ts";
import { backwardProgram, forwardProgram } from "../../../src/testing/programs.ts";
import { conv2d } from "../../ops/conv/conv2d.ts";
import { declarations, optimizers } from "../../ops/declarations.ts";
import { batchNorm } from "../../ops/norm/batch-norm.ts";
import { besidePrograms } from "../../ops/norm/beside-convs.ts";
import { averagesProgram } from "../../ops/optimizer/averages.ts";
import { maxPool2d } from "../../ops/pool/max-pool2d.ts";
import { undeclared, unlaunched } from "../../support/op/coverage.ts";
import { passesOf } from "../../support/op/declaration.ts";
import { devicesOf, programsOf } from "../../support/op/programs.ts";
import { programsOfUpdates } from "../../support/op/update.ts";

const kernels: readonly Kernel[] = Object.values(shaders);
const programs = [
  ...declarations.flatMap((each) => [...programsOf(each)]),
  ...optimizers.flatMap(programsOfUpdates),
  averagesProgram().program,
  ...besidePrograms(),
];

it("every op is declared", () => {
  const missing = undeclared(ops, declarations);
  expect(missing, "ops that test/ops/declarations.ts lacks").toEqual([]);
});

it("ops name the rules of src/ops/gradients.ts, all of them", () => {
  const named = Object.values(ops).flatMap(({ backward }) => (typeof backward === "string" ? backward : []));
  expect(named.toSorted()).toEqual(Object.keys(gradients).toSorted());
});

it("every kernel is launched by the test of an op or an optimizer, or of Preprocessor", () => {
  const missing = unlaunched(kernels, programs, Object.values(RESIZE));
  expect(missing, "kernels for which no declaration in test/ops has a case").toEqual([]);
});

it.each([
  [
    batchNorm,
    [
      "32_rows",
      "8_rows",
      "few_parts_single",
      "few_parts_workgroup",
      "many_parts_single",
      "many_parts_workgroup",
    ],
  ],
  [maxPool2d, ["halving", "plain"]],
  [conv2d, ["fewer_splits", "more_splits", "splits"]],
] as const)("$op.name is tried with each of its variants", (declaration, names) => {
  const tried = declaration.cases
    .filter(({ variants }) => variants)
    .flatMap((given) => Object.keys(devicesOf(declaration, given)));
  expect([...new Set(tried)]).toEqual(expect.arrayContaining([...names]));
});

it("what is missing is found", () => {
  const made: Kernel = { ...shaders.softmax_forward, name: "softmax_forward_made_up" };
  expect(unlaunched([...kernels, made], programs, Object.values(RESIZE))).toEqual([
    "softmax_forward_made_up",
  ]);
  expect(unlaunched([made], programs, [made])).toEqual([]);
  expect(unlaunched(kernels, programs, [])).toEqual(["resize_columns", "resize_rows"]);
  const madeUpOp = { ...ops.softmaxOp };
  expect(undeclared({ ...ops, madeUpOp }, declarations)).toEqual(["madeUpOp"]);
});

describe.each(declarations.map((each) => [each.op.name, each] as const))("%s", (_, declaration) => {
  const { half, cases } = declaration;

  it("takes f16 where its kernels do", () => {
    // Those of one node: what adds up gradients is everybody's.
    const launched = cases.flatMap((given) =>
      Object.values(devicesOf(declaration, given)).flatMap((device) => [
        ...forwardProgram(declaration, given, device).dispatches,
        ...(hasGradients(declaration, given)
          ? backwardProgram(declaration, given, device, 1).dispatches
          : []),
      ]),
    );
    const able = launched.some(({ kernel }) => halfBindings(kernel).length > 0);
    expect("activations" in half && cases.some((given) => given.half)).toBe(able);
  });

  it("counts bytes for the passes that launch anything", () => {
    const given = cases[0]!;
    const [device] = Object.values(devicesOf(declaration, given));
    const forward = forwardProgram(declaration, given, device!);
    const [node] = forward.nodes;
    for (const pass of Object.keys(passesOf(declaration, node!))) {
      const { dispatches } = pass === "forward" ? forward : backwardProgram(declaration, given, device!, 1);
      const launches = dispatches.filter(({ label }) => label === (pass === "forward" ? "op" : "d(op0)"));
      expect(declaration.work(node!, pass).bytes > 0, pass).toBe(launches.length > 0);
    }
  });
});
