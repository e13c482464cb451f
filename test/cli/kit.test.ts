import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { softwareVulkan } from "../../src/cli/engine/vulkan.ts";

const make = fileURLToPath(new URL("../kit/make.ts", import.meta.url));

/** It is made of this machine's Node. */
const canMake = process.platform === "linux" && process.arch === "x64";

test.runIf(canMake)("the kit tests an op in an empty environment, and writes what passed where", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "webgraft-kit-"));
  try {
    const kit = join(scratch, "kit");
    const made = spawnSync(process.execPath, ["--import", "tsx", make, kit], { encoding: "utf8" });
    expect(made.status, made.stderr).toBe(0);
    const env = { PATH: "/usr/bin:/bin", ...(await softwareVulkan("node")) };
    const ran = spawnSync(join(kit, "run.sh"), ["tests", "elementwise/cast"], { encoding: "utf8", env });
    expect(ran.status, ran.stdout + ran.stderr).toBe(0);
    const [folder] = readdirSync(join(kit, "results"));
    const written = readFileSync(join(kit, "results", folder!, "tests.json"), "utf8");
    const { adapter, results } = JSON.parse(written) as { adapter: string; results: { tests: object[] }[] };
    expect(adapter).toMatch(/^Node\/.* GPU: ./);
    expect(results.length).toBe(1);
    for (const outcome of results[0]!.tests) expect(outcome).toMatchObject({ state: "passed" });
    const markdown = readFileSync(join(kit, "results", folder!, "tests.md"), "utf8");
    expect(markdown).toContain(adapter);
    expect(markdown).toContain("test/ops/elementwise/cast.test.ts");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
