import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { linkShader, linkShaders } from "../../../shaders/link.ts";
import { sourceOf } from "../../../src/gpu/pipelines.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { LIVE_BYTES, packLive } from "../../../src/run/live.ts";

const directory = fileURLToPath(new URL("../../../shaders", import.meta.url));
const files = readdirSync(directory).filter((file) => file.endsWith(".wgsl"));
const kernels: readonly Kernel[] = Object.values(shaders);

describe("shader files", () => {
  for (const file of files) {
    const text = readFileSync(join(directory, file), "utf8");
    const header = /^(\/\/.*\n)+/.exec(text)?.[0] ?? "";

    it(`${file} has a header with its formula, dispatch and numerics`, () => {
      expect(header).toMatch(/^\/\/ .*(=|→|\+=)/m);
      expect(header, "say the dispatch size: // dispatch  one invocation a …").toMatch(/^\/\/ dispatch/m);
      expect(header, "say accumulation and tolerance: // numerics  …").toMatch(/^\/\/ numerics/m);
    });

    it(`${file} is plain, short WGSL`, () => {
      expect(text).not.toMatch(/^#|\$\{/m);
      expect(text.split("\n").length).toBeLessThanOrEqual(400);
    });
  }

  it("bind inputs before outputs, as the TypeScript call lists them", () => {
    const disordered = kernels.filter(({ bindings }) => {
      const firstWritten = bindings.findIndex(({ access }) => access === "read_write");
      return bindings.slice(firstWritten).some(({ access }) => access === "read") && firstWritten >= 0;
    });
    expect(disordered.map(({ name }) => name)).toEqual([]);
  });

  it("say which features they need", () => {
    for (const { name, features, wgsl } of kernels) {
      expect(features, name).toEqual(/quadBroadcast/.test(wgsl) ? ["subgroups"] : []);
    }
    expect(kernels.some(({ features }) => features.length > 0)).toBe(true);
  });

  it("keep to the storage buffers and invocations that every device has", () => {
    for (const { name, bindings, workgroupSize } of kernels) {
      expect(bindings.length, name).toBeLessThanOrEqual(8);
      expect(
        workgroupSize.reduce((a, b) => a * b),
        name,
      ).toBeLessThanOrEqual(256);
    }
  });
});

describe("linker", () => {
  let folder = "";
  const write = (contents: Readonly<Record<string, string>>): string => {
    folder = mkdtempSync(join(tmpdir(), "webgraft-"));
    mkdirSync(join(folder, "lib"));
    for (const [file, text] of Object.entries(contents)) writeFileSync(join(folder, file), text);
    return folder;
  };
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("appends each snippet once, those that snippets use included, and knows where each line came from", () => {
    write({
      "k.wgsl": "// use: b, a\nfn main() {}\n",
      "lib/a.wgsl": "fn a() {}\n",
      "lib/b.wgsl": "// use: a\nfn b() {}\n",
    });
    const [linked] = linkShader(folder, "k.wgsl");
    expect(linked!.wgsl).toBe("// use: b, a\nfn main() {}\n// use: a\nfn b() {}\nfn a() {}\n");
    expect(linked!.sources).toEqual([
      ["k.wgsl", 1],
      ["lib/b.wgsl", 3],
      ["lib/a.wgsl", 5],
    ]);
    const kernel = { sources: linked!.sources } as unknown as Kernel;
    expect([1, 2, 3, 4, 5].map((line) => sourceOf(kernel, line))).toEqual([
      "shaders/k.wgsl:1",
      "shaders/k.wgsl:2",
      "shaders/lib/b.wgsl:1",
      "shaders/lib/b.wgsl:2",
      "shaders/lib/a.wgsl:1",
    ]);
  });

  it("links one kernel for each alternative", () => {
    write({ "k.wgsl": "// link: x | y\n", "lib/x.wgsl": "fn x() {}\n", "lib/y.wgsl": "fn y() {}\n" });
    expect(linkShaders(folder).map(({ name, wgsl }) => [name, wgsl])).toEqual([
      ["k_x", "// link: x | y\nfn x() {}\n"],
      ["k_y", "// link: x | y\nfn y() {}\n"],
    ]);
  });

  it("links several snippets for an alternative, named after all of them", () => {
    write({
      "k.wgsl": "// link: x + y\n// link: x\n",
      "lib/x.wgsl": "fn x() {}\n",
      "lib/y.wgsl": "fn y() {}\n",
    });
    expect(linkShader(folder, "k.wgsl").map(({ name, wgsl }) => [name, wgsl])).toEqual([
      ["k_x_y", "// link: x + y\n// link: x\nfn x() {}\nfn y() {}\n"],
      ["k_x", "// link: x + y\n// link: x\nfn x() {}\n"],
    ]);
  });

  it("puts directives before all declarations, and still knows where each line came from", () => {
    write({
      "k.wgsl": "// use: a\nfn main() {}\n",
      "lib/a.wgsl": "// use: e\nfn a() {}\n",
      "lib/e.wgsl": "// why\nenable subgroups;\n",
    });
    const [linked] = linkShader(folder, "k.wgsl");
    expect(linked!.wgsl).toBe("// why\nenable subgroups;\n// use: a\nfn main() {}\n// use: e\nfn a() {}\n");
    const kernel = { sources: linked!.sources } as unknown as Kernel;
    expect([2, 3, 4, 5, 6].map((line) => sourceOf(kernel, line))).toEqual([
      "shaders/lib/e.wgsl:2",
      "shaders/k.wgsl:1",
      "shaders/k.wgsl:2",
      "shaders/lib/a.wgsl:1",
      "shaders/lib/a.wgsl:2",
    ]);
  });

  it("names the user of a snippet that does not exist", () => {
    write({ "k.wgsl": "// use: nothing\n" });
    expect(() => linkShader(folder, "k.wgsl")).toThrow(
      'k.wgsl uses "nothing", but shaders/lib/ has no nothing.wgsl',
    );
  });
});

describe("structs that the host writes", () => {
  it("are packed where WGSL reads them", () => {
    const view = new DataView(new ArrayBuffer(LIVE_BYTES));
    packLive({ step: 7, seed: 2 ** 32 - 1, learningRate: 0.5 }, view);
    expect([view.getUint32(0, true), view.getUint32(4, true), view.getFloat32(8, true)]).toEqual([
      7,
      2 ** 32 - 1,
      0.5,
    ]);
  });
});

describe("the .wgsl files that the package ships", () => {
  it("are the linked texts of all kernels, which lack only the comments", () => {
    const shipped = fileURLToPath(new URL("../../../dist/wgsl", import.meta.url));
    const texts = readdirSync(shipped).map((file) =>
      readFileSync(join(shipped, file), "utf8").replace(/ *\/\/.*$/gm, ""),
    );
    expect(new Set(texts)).toEqual(new Set(kernels.map(({ wgsl }) => wgsl)));
  });
});
