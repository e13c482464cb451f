import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Report } from "./report.ts";

test.each(["chrome", "node"])("the bench runs in %s, and writes what it measured", (engine) => {
  const out = mkdtempSync(join(tmpdir(), "webgraft-bench-"));
  const bench = fileURLToPath(new URL("./bench.ts", import.meta.url));
  // No times are asserted, so the shortest measurement will do.
  const args = "--only ceilings kernels --match global_avg_pool --steps 1 --sample-ms 1".split(" ");
  try {
    const command = ["--import", "tsx", bench, ...args, "--engine", engine, "--out", out];
    const run = spawnSync(process.execPath, command, { encoding: "utf8" });
    expect(run.status, run.stderr).toBe(0);
    const report = JSON.parse(readFileSync(join(out, "bench.json"), "utf8")) as Report;
    expect(report.adapter).not.toBe("none");
    expect(report.failures).toEqual([]);
    for (const { name, value } of report.ceilings!) expect(value, name).toBeGreaterThan(0);
    expect(report.kernels!.map(({ name }) => name)).toEqual([
      "global_avg_pool forward",
      "global_avg_pool backward",
    ]);
    for (const { gbps, shareOfCeiling } of report.kernels!) {
      expect(gbps).toBeGreaterThan(0);
      expect(shareOfCeiling).toBeGreaterThan(0);
    }
    expect(run.stdout).toContain("outer product 8×8");
    expect(readFileSync(join(out, "bench.svg"), "utf8")).toContain("global_avg_pool forward");
  } finally {
    rmSync(out, { recursive: true });
  }
});
