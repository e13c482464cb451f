import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";

const PREFIX = "virtual:readme/";
const readme = fileURLToPath(new URL("../../../README.md", import.meta.url));
const guides = fileURLToPath(new URL("../../../demo/docs/guides/", import.meta.url));
export const documents = [readme, ...readdirSync(guides).map((file) => join(guides, file))];

/**
 * The code in a language of README.md and of the guides: the fences that begin with "```ts NAME", one after another, by
 * NAME.
 */
export function snippets(language: "ts" | "sh" = "ts"): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const document of documents) {
    for (const [, fence, name, code] of readFileSync(document, "utf8").matchAll(FENCE)) {
      if (fence === language) found.set(name!, (found.get(name!) ?? "") + code);
    }
  }
  return found;
}

const FENCE = /^```(ts|sh) (\w+)\n([\s\S]*?)^```/gm;

/** The same code with fewer images and epochs, so that it takes seconds. */
export const shortened = (code: string): string =>
  code
    .replace("12_000", "96")
    .replace("2_000", "96")
    .replace("224, 224", "32, 32")
    .replace("size: 224", "size: 32")
    .replace("epochs: 10", "epochs: 4")
    .replace("testExamples: 1_000", "batch: 4, examples: 12, testExamples: 6")
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
