/** The stored results by which `selfTest` tells a wrong kernel. */
import { describe, expect, it } from "vitest";
import { allOf, taskKey } from "../../../src/gpu/tuning.ts";
import type { OpNode } from "../../../src/graph/op.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import * as ops from "../../../src/ops/index.ts";
import { recorder } from "../../../src/ops/tunable.ts";
import { knownProgram } from "../../../src/run/self-test/check-kernels.ts";
import { knownOps, knownUpdates } from "../../../src/run/self-test/known-results.ts";
import { smallModels } from "../../support/models/models.ts";
import { programOf } from "../../support/models/programs.ts";
import { results, unknown } from "../../support/op/known-results.ts";

const DEVICES: Readonly<Record<string, Capabilities>> = {
  "an emulated GPU": { features: ["subgroups"], subgroupMaxSize: 4, software: true },
  "a GPU": { features: ["subgroups"], subgroupMaxSize: 32 },
};

/** All variants that some problem runs on a device, by pass. */
function known(device: Capabilities): ReadonlySet<string> {
  const names = Object.values(ops).flatMap((op) =>
    (knownOps[op.name] ?? []).flatMap((given) => {
      const { device: asked, tasks } = recorder(device);
      knownProgram(op as OpNode["op"], given, asked, false);
      return tasks.flatMap((task) =>
        task.variants(device).map(({ name }) => `${taskKey(allOf(task))} ${name}`),
      );
    }),
  );
  return new Set(names);
}

describe("known results", () => {
  it("are those of the references", () => {
    expect({ knownOps, knownUpdates }).toEqual(results());
  });

  it("are there for every op, or it is said why not", () => {
    const names = Object.values(ops).map(({ name }) => name);
    expect([...Object.keys(knownOps), ...Object.keys(unknown)].sort()).toEqual(names.sort());
  });

  it.each(Object.entries(DEVICES))("are there for every kernel that small models take on %s", (_, device) => {
    const tested = known(device);
    const missing = new Set<string>();
    for (const [, create] of smallModels) {
      const { device: asked, tasks } = recorder(device);
      programOf(create(), 2, "train", { device: asked });
      for (const task of tasks) {
        for (const { name, varies } of task.variants(device)) {
          const kernel = `${taskKey(allOf(task))} ${varies ?? name}`;
          if (!tested.has(kernel)) missing.add(kernel);
        }
      }
    }
    expect([...missing]).toEqual([]);
  });
});
