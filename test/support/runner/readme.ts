import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";

const PREFIX = "virtual:readme/";
const readme = fileURLToPath(new URL("../../../README.md", import.meta.url));
const rooms = ["transfer", "data", "train"].map((room) =>
  fileURLToPath(new URL(`../../../src/${room}/README.md`, import.meta.url)),
);
const documents = [readme, ...rooms];

/** The code in a language of README.md and of the rooms' pages: the fence that begins with "```ts NAME", by NAME. */
export const snippets = (language: "ts" | "sh" = "ts"): ReadonlyMap<string, string> =>
  new Map(
    documents
      .flatMap((document) => [
        ...readFileSync(document, "utf8").matchAll(/^```(ts|sh) (\w+)\n([\s\S]*?)^```/gm),
      ])
      .filter((fence) => fence[1] === language)
      .map(([, , name, code]) => [name!, code!] as const),
  );

/** The same code with fewer images and epochs, so that it takes seconds. */
export const shortened = (code: string): string =>
  code
    .replace("12_000", "96")
    .replace("2_000", "96")
    .replace("224, 224", "32, 32")
    .replace("size: 224", "size: 32")
    .replace("epochs: 10", "epochs: 4")
    .replace('loadDataset("mnist", "test")', 'loadDataset("mnist", "test", { examples: 96 })');

/**
 * Makes the README's code importable: the fence that begins with "```ts NAME" is `virtual:readme/NAME`, shortened.
 */
export function readmeSnippets(): Plugin {
  return {
    name: "readme-snippets",
    // A path of a .ts file, so that it is compiled as one.
    resolveId: (id) => (id.startsWith(PREFIX) ? `${readme}.${id.slice(PREFIX.length)}.ts` : null),
    load(id) {
      if (!id.startsWith(`${readme}.`)) return null;
      const name = id.slice(readme.length + 1, -".ts".length);
      const code = snippets().get(name);
      if (code === undefined) throw new Error(`no README has a fence "\`\`\`ts ${name}"`);
      return shortened(code);
    },
  };
}
