import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const src = join(root, "src");

/** The floors of the house: a file imports from its own floor or from below. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  image: 0,
  kernel: 0,
  graph: 1,
  ops: 2,
  plan: 2,
  gpu: 2,
  node: 2,
  weights: 2,
  run: 3,
  layers: 3,
  optimizers: 3,
  models: 4,
  embed: 4,
  testing: 4,
  data: 5,
  formats: 5,
  predict: 5,
  train: 5,
  race: 6,
  transfer: 6,
  job: 7,
  cli: 8,
  "index.ts": 8,
};
/** Rooms that may speak of WebGPU objects. */
const GPU_ROOMS = new Set(["gpu", "run", "embed", "node"]);

/** Most files in one folder, so that a newcomer can take them in. */
const MOST_FILES = 13;

const room = (file: string): string => relative(src, file).split("/")[0]!;

function* sourceFiles(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

const files = [...sourceFiles(src)].map((path) => ({ path, text: readFileSync(path, "utf8") }));
const importsOf = (path: string, text: string): string[] =>
  [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((m) => resolve(dirname(path), m[1]!));

describe("the house", () => {
  it("has a floor for every room", () => {
    const unknown = [...new Set(files.map(({ path }) => room(path)))].filter((name) => !(name in FLOORS));
    expect(unknown, "rooms of src/ without a floor; FLOORS in this test says what lives where").toEqual([]);
  });

  it("imports go down the floors only", () => {
    const upward = files.flatMap(({ path, text }) =>
      importsOf(path, text)
        .filter((target) => FLOORS[room(target)]! > FLOORS[room(path)]!)
        .map(
          (target) =>
            `${relative(root, path)} (floor ${FLOORS[room(path)]}) imports ${relative(root, target)} ` +
            `(floor ${FLOORS[room(target)]}): move what it needs to ${room(path)}/ or below`,
        ),
    );
    expect(upward).toEqual([]);
  });

  it("keeps GPU objects in gpu/, run/, embed/ and node/", () => {
    const strays = files
      .filter(({ path }) => !GPU_ROOMS.has(room(path)) && room(path) !== "cli")
      .flatMap(({ path, text }) =>
        [...new Set([...text.matchAll(/\bGPU[A-Z]\w+/g)].map((m) => m[0]))].map(
          (name) => `${relative(root, path)} names ${name}: that belongs in gpu/, run/, embed/ or node/`,
        ),
      );
    expect(strays).toEqual([]);
  });

  it("keeps Node out of everything but the command line", () => {
    const strays = files.filter(({ path, text }) => room(path) !== "cli" && /from "node:/.test(text));
    expect(
      strays.map(({ path }) => `${relative(root, path)} imports from Node: that belongs in cli/`),
    ).toEqual([]);
  });

  it("has no crowded rooms", () => {
    const counts = new Map<string, number>();
    for (const folder of ["src", "shaders"]) {
      for (const file of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
        const place = dirname(join(folder, file));
        if (/\.(ts|wgsl)$/.test(file)) counts.set(place, (counts.get(place) ?? 0) + 1);
      }
    }
    const crowded = [...counts].filter(([, count]) => count > MOST_FILES);
    expect(crowded.map(([place, count]) => `${place} has ${count} files: make it two rooms`)).toEqual([]);
  });

  it("has the top level it is meant to have", () => {
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name);
    const known = ["demo", "dist", "node_modules", "runs", "shaders", "src", "test"];
    expect(folders.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("keeps its demo on the public name of the package", () => {
    const strays = [...sourceFiles(join(root, "demo"))]
      .flatMap((path) => importsOf(path, readFileSync(path, "utf8")).map((target) => [path, target] as const))
      .filter(([, target]) => target.startsWith(src));
    expect(
      strays.map(
        ([path]) => `${relative(root, path)} reaches into src/: import from "webgraft" or "webgraft/job"`,
      ),
    ).toEqual([]);
  });
});
