/** The types of the packed package, for apps of strangers: their compiler and options, and no `skipLibCheck`. */
import { spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compiler, installInto, newApp, root } from "../../support/package/install.ts";
import { snippets } from "../../support/runner/readme.ts";

let app: ReturnType<typeof newApp>;
beforeAll(() => {
  app = newApp();
  installInto(app.folder, "@webgpu/types");
  for (const [name, code] of snippets()) writeFileSync(join(app.folder, `${name}.ts`), code);
  copyFileSync(join(root, "test/support/package/results.ts"), join(app.folder, "results.ts"));
  copyFileSync(join(root, "demo/examples/own-ops/hard-swish.ts"), join(app.folder, "hard-swish.ts"));
});
afterAll(() => app.remove());

const RESOLUTIONS = ["bundler", "node16", "nodenext"] as const;
/** TypeScript and whether its own library knows WebGPU. How modules are found is tried with the oldest and the newest. */
const COMPILERS = [
  { name: "typescript-5.7", knowsGpu: false, resolutions: RESOLUTIONS },
  { name: "typescript-5.9", knowsGpu: false, resolutions: ["bundler"] },
  { name: "typescript-6", knowsGpu: true, resolutions: ["bundler"] },
  { name: "typescript", knowsGpu: true, resolutions: RESOLUTIONS },
] as const;
const DOM = ["es2023", "dom", "dom.iterable"];

interface App {
  readonly files: readonly string[];
  readonly compiler: string;
  readonly moduleResolution?: (typeof RESOLUTIONS)[number];
  readonly types?: readonly string[];
  readonly lib?: readonly string[];
}

/** What the compiler says about an app of these files, line by line. */
function complaints({ files, moduleResolution = "bundler", types = [], lib = DOM, ...given }: App): string[] {
  const compilerOptions = {
    ...{ target: "es2022", lib, types, moduleResolution, noEmit: true },
    module: moduleResolution === "bundler" ? "esnext" : moduleResolution,
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ noUnusedLocals: true, verbatimModuleSyntax: true },
    // The compiler's own library takes half of the time, and is not ours.
    ...{ skipLibCheck: false, skipDefaultLibCheck: true },
  };
  const config = { compilerOptions, files: files.map((name) => `${name}.ts`) };
  writeFileSync(join(app.folder, "tsconfig.json"), JSON.stringify(config));
  const { stdout } = spawnSync(process.execPath, [compiler(given.compiler), "-p", ".", "--pretty", "false"], {
    cwd: app.folder,
    encoding: "utf8",
  });
  return stdout.split("\n").filter(Boolean);
}

const ours = ["train", "weights", "finetune", "lazily", "networks", "results", "hard-swish"];
const all = [...ours, "kernel"];

describe.each(COMPILERS)("$name", ({ name, knowsGpu, resolutions }) => {
  it.each(resolutions)("compiles the README's code with %s resolution", (moduleResolution) => {
    // Where WebGPU has no types, an app can do what needs none of its own.
    const files = knowsGpu ? all : ours;
    expect(complaints({ compiler: name, moduleResolution, files })).toEqual([]);
  });

  it.each(resolutions)("compiles it with @webgpu/types and %s resolution", (moduleResolution) => {
    const types = ["@webgpu/types"];
    const lines = complaints({ compiler: name, moduleResolution, types, files: all });
    // Where the compiler's library knows WebGPU, @webgpu/types contradicts it, whatever else an app has.
    const foreign = /(^node_modules\/@webgpu\/types\/|\/lib\.\w+\.d\.ts)/;
    expect(lines.filter((line) => !knowsGpu || (/^\S/.test(line) && !foreign.test(line)))).toEqual([]);
  });
});

it("compiles in a worker, which knows no elements of a page", () => {
  const lib = ["es2023", "webworker"];
  expect(complaints({ compiler: "typescript", lib, files: all })).toEqual([]);
});
