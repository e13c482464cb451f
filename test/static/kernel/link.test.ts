import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { linkShader, linkShaders } from "../../../shaders/link.ts";
import { sourceOf } from "../../../src/gpu/compile.ts";
import { ACTIVATIONS, KERNEL_FEATURES } from "../../../src/kernel/constants.gen.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import * as lists from "../../../src/kernel/variants.gen.ts";
import { LIVE_BYTES, packLive } from "../../../src/run/live.ts";

const directory = fileURLToPath(new URL("../../../shaders", import.meta.url));
const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".wgsl") && !file.startsWith("lib"),
);
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

  it("bind inputs before outputs, as the TypeScript call lists them; those of snippets come after their args", () => {
    const disordered = kernels.filter(({ bindings: all, argsAt = all.length }) => {
      const bindings = all.slice(0, argsAt);
      const firstWritten = bindings.findIndex(({ access }) => access === "read_write");
      return bindings.slice(firstWritten).some(({ access }) => access === "read") && firstWritten >= 0;
    });
    expect(disordered.map(({ name }) => name)).toEqual([]);
  });

  it("say which features they need, which are those that devices are opened with", () => {
    for (const { name, features, wgsl } of kernels) {
      expect(features, name).toEqual(/quadBroadcast/.test(wgsl) ? ["subgroups"] : []);
    }
    expect(new Set(kernels.flatMap(({ features }) => features))).toEqual(new Set(KERNEL_FEATURES));
    expect(KERNEL_FEATURES.length).toBeGreaterThan(0);
  });

  it("are in lists of variants in the order of their link lines, with what fills their slots", () => {
    for (const [list, variants] of Object.entries(lists)) {
      const file = join(directory, variants[0].sources.find(([path]) => !path.startsWith("lib/"))![0]);
      const text = readFileSync(file, "utf8");
      const lines = [...text.matchAll(/^\/\/ link: (.*)$/gm)].flatMap(([, line]) => line!.split(" | "));
      const version = [...text.matchAll(/ norm=(\w+) for (\S+)$/gm)].find(([, name]) =>
        list.includes(`_${name}_`),
      );
      const linked = variants.map(({ slots }) =>
        Object.entries(slots)
          .map((slot) => slot.join("="))
          .join(" "),
      );
      expect(linked, list).toEqual(lines.filter((line) => !version || line.includes(version[2]!)));
      for (const { name, variant, slots } of variants) {
        expect(variant).toBe(Object.values(slots).join("_"));
        expect(name).toContain(`_${variant}`);
        expect(kernels.filter((kernel) => kernel.name === name)).toHaveLength(1);
      }
    }
    const { numbers } = lists.conv2d_forward_variants[0];
    expect(numbers).toMatchObject({ TILE_ROWS: 8, TILE_COLUMNS: 8, GROUP_ROWS: 16, GROUP_COLUMNS: 8 });
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

describe("shaders/lib/README.md", () => {
  const readme = readFileSync(join(directory, "lib/README.md"), "utf8");
  const words = new Set(
    [...readme.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`]+)`/g)].flatMap(
      ([, code]) => code!.match(/\w+/g)!,
    ),
  );

  it("has every slot and what may fill it", () => {
    const used = Object.values(lists).flatMap((variants) =>
      variants.flatMap(({ slots }) => Object.entries(slots)),
    );
    expect(used.flat().filter((word) => !words.has(word))).toEqual([]);
  });

  it("has every word of the interface of tiles", () => {
    const folders = ["tile", "share", "walk"].map((folder) => join(directory, "lib", folder));
    const texts = folders.flatMap((folder) =>
      readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8")),
    );
    // What more than one snippet declares is an interface, the rest is a snippet's own.
    const declared = texts.flatMap((text) =>
      [...text.matchAll(/^(?:fn|const|alias|struct) (\w+)/gm)].map(([, name]) => name!),
    );
    const shared = declared.filter((name, i) => declared.indexOf(name) < i);
    expect(shared.filter((name) => !words.has(name))).toEqual([]);
    expect(shared.length).toBeGreaterThan(20);
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

  it("links one kernel for each alternative, in the order of the link lines and named after its values", () => {
    write({
      "k.wgsl": "// link: tile=8x8 share=none | tile=4x4\n// link: share=none\n",
      "lib/tile_8x8.wgsl": "const ROWS = 8u;\nconst HALF = ROWS / 2u;\n",
      "lib/tile_4x4.wgsl": "const ROWS = 4u;\n",
      "lib/share_none.wgsl": "// use: a\nconst ALONE = 1u;\n",
      "lib/a.wgsl": "const A = 1u;\n",
    });
    const file = "// link: tile=8x8 share=none | tile=4x4\n// link: share=none\n";
    const share = "// use: a\nconst ALONE = 1u;\nconst A = 1u;\n";
    expect(linkShaders(folder)).toMatchObject([
      {
        ...{ family: "k", name: "k_8x8_none", slots: { tile: "8x8", share: "none" } },
        numbers: { ROWS: 8, ALONE: 1 },
        wgsl: `${file}const ROWS = 8u;\nconst HALF = ROWS / 2u;\n${share}`,
      },
      {
        ...{ family: "k", name: "k_4x4", slots: { tile: "4x4" }, numbers: { ROWS: 4 } },
        wgsl: `${file}const ROWS = 4u;\n`,
      },
      { family: "k", name: "k_none", slots: { share: "none" }, numbers: { ALONE: 1 }, wgsl: file + share },
    ]);
  });

  it("links the alternatives of each version, the first of which does not show in names", () => {
    const file = "// link: tile=4x4 | tile=8x8\n// version: norm=plain | norm=after for tile=8x8\n";
    write({
      "k.wgsl": file,
      "lib/tile_8x8.wgsl": "const ROWS = 8u;\n",
      "lib/tile_4x4.wgsl": "const ROWS = 4u;\n",
      "lib/norm_plain.wgsl": "fn plain() {}\n",
      "lib/norm_after.wgsl": "fn after() {}\n",
    });
    expect(linkShaders(folder)).toMatchObject([
      { family: "k", name: "k_4x4", wgsl: `${file}const ROWS = 4u;\nfn plain() {}\n` },
      { family: "k", name: "k_8x8", wgsl: `${file}const ROWS = 8u;\nfn plain() {}\n` },
      {
        ...{ family: "k_after", name: "k_after_8x8", slots: { tile: "8x8" } },
        wgsl: `${file}const ROWS = 8u;\nfn after() {}\n`,
      },
    ]);
  });

  it("refuses link lines that make no sense, with the file", () => {
    const link = (line: string) => {
      write({ "k.wgsl": `// link: ${line}\n`, "lib/tile_4x4.wgsl": "" });
      return expect(() => linkShader(folder, "k.wgsl"));
    };
    link("tile_4x4").toThrow('k.wgsl: "tile_4x4" is no slot=value');
    link("tile=").toThrow('k.wgsl: "tile=" is no slot=value');
    link("tile=4x4 | tile=4x4").toThrow("k.wgsl links k_4x4 twice");
    link("tile=8x8").toThrow("k.wgsl links tile=8x8, but shaders/lib/ has no tile_8x8.wgsl");
  });

  it("knows what WebGPU calls the features that a kernel enables, and refuses others with the file", () => {
    write({
      "k.wgsl": "// use: e\nfn main() {}\n",
      "l.wgsl": "fn main() {}\n",
      "lib/e.wgsl": "enable f16, subgroups;\nenable subgroup_size_control;\n",
    });
    expect(linkShaders(folder).map(({ features }) => features)).toEqual([
      ["shader-f16", "subgroups", "subgroup-size-control"],
      [],
    ]);
    writeFileSync(join(folder, "lib/e.wgsl"), "enable subgroups;\nenable warp_speed;\n");
    expect(() => linkShaders(folder)).toThrow("shaders/lib/e.wgsl enables warp_speed, which FEATURES");
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

describe("activations", () => {
  it("are numbered from 0 as their kernels have it, and no number twice", () => {
    const text = readFileSync(join(directory, "lib/core/activation.wgsl"), "utf8");
    for (const [name, number] of Object.entries(ACTIVATIONS)) {
      expect(text).toContain(`const ${name.toUpperCase()} = ${number}u;`);
      if (number > 0) expect(text, "an arm of its own").toContain(`case ${name.toUpperCase()}: {`);
    }
    expect(ACTIVATIONS.identity).toBe(0);
    expect(Object.values(ACTIVATIONS)).toEqual(Object.keys(ACTIVATIONS).map((_, i) => i));
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
  it("are the linked texts of all kernels, which lack only comments and blanks", () => {
    const shipped = fileURLToPath(new URL("../../../dist/wgsl", import.meta.url));
    const texts = readdirSync(shipped).map((file) =>
      readFileSync(join(shipped, file), "utf8").replace(/ *\/\/.*$| /gm, ""),
    );
    expect(new Set(texts)).toEqual(new Set(kernels.map(({ wgsl }) => wgsl.replaceAll(" ", ""))));
  });
});
