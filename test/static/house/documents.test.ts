/** Every file, script and link that a document names exists. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Readonly<Record<string, string>>;
};
const tracked = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n");
const documents = tracked.filter((file) => file.endsWith(".md") && !file.includes("fixtures/"));

/** Generated paths, which a fresh clone lacks. */
const MADE = /^(runs|dist|node_modules)\b|\.gen\.ts$/;
/** Made pages of the documentation's site, whose links a test of its own follows. */
const SITE = /^demo\/docs\/guides\/\S+ \S+\.html$/;
/** npm's built-in scripts. */
const NPM = new Set(["ci", "install", "pack", "publish"]);

/** What looks like the path of a file or folder of this repository; `*`, `<name>` and `{a,b}` stand for any. */
const PATH = /(?<![\w./@:-])(?:src|shaders|test|demo)\/[\w./*{},<>-]*[\w/*}>]/g;

/** Whether a path names at least one tracked file or a folder of one. */
function isThere(path: string, files: readonly string[]): boolean {
  const pattern = path
    .replace(/\/$/, "")
    .replace(/[.+()]/g, "\\$&")
    .replace(/\{([^}]*)\}/g, (_, names: string) => `(${names.replaceAll(",", "|")})`)
    .replace(/\*\*|\*|<[^>]*>/g, (any) => (any === "**" ? ".*" : "[^/]*"));
  return files.some((file) => new RegExp(`^${pattern}(/|$)`).test(file));
}

/** What a document names but does not exist, one sentence each. */
export function missingIn(document: string, text: string, files: readonly string[]): string[] {
  const paths = [...text.matchAll(PATH)].map(([path]) => path).filter((path) => !MADE.test(path));
  const links = [...text.matchAll(/\]\(([^)#:]+)[^)]*\)/g)]
    .filter(([, target]) => !SITE.test(`${document} ${target}`))
    .map(([, target]) => join(dirname(document), target!));
  const commands = [...text.matchAll(/(?:^|`|&& )npm (?:run )?(?:--silent )?([\w:-]+)/gm)].map(
    ([, name]) => name!,
  );
  return [
    ...[...paths, ...links]
      .filter((path) => !isThere(path, files))
      .map((path) => `${document} names ${path}, which is not there`),
    ...commands
      .filter((name) => !NPM.has(name) && !(name in scripts))
      .map((name) => `${document} names npm run ${name}, which package.json lacks`),
  ];
}

describe("documents", () => {
  it.each(documents)("%s names only what exists", (document) => {
    expect(missingIn(document, readFileSync(join(root, document), "utf8"), tracked)).toEqual([]);
  });

  it("fail the check when they name what does not exist", () => {
    const text =
      "`src/gone.ts`, [a](missing.md), `npm run nothing`; `src/base/errors.ts`, `npm test`, `npm ci`.";
    expect(missingIn("README.md", text, tracked)).toEqual([
      "README.md names src/gone.ts, which is not there",
      "README.md names missing.md, which is not there",
      "README.md names npm run nothing, which package.json lacks",
    ]);
    expect(isThere("src/ops/<family>/", tracked)).toBe(true);
    expect(isThere("src/{base,image}/*.ts", tracked)).toBe(true);
    expect(isThere("src/{bass}/*.ts", tracked)).toBe(false);
  });

  it.each(["README.md", "ARCHITECTURE.md"])("%s stays short enough to be read", (document) => {
    expect(readFileSync(join(root, document), "utf8").split("\n").length).toBeLessThanOrEqual(150);
  });
});
