/** The documentation: its links, its code, and that every public name has words. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { describe, expect, it } from "vitest";
import { publicDoors } from "../../../demo/docs/build/api/extract.ts";
import { root } from "../../../demo/docs/build/cache.ts";
import { GUIDES, guideFile } from "../../../demo/docs/build/guides.ts";
import { headerOf } from "../../../demo/docs/build/kernels.ts";
import { framed, type Page } from "../../../demo/docs/build/page.ts";
import { sitePages } from "../../../demo/docs/build/site.ts";
import { documents } from "../../support/runner/readme.ts";
import { speechless } from "../../support/runner/speechless.ts";

const pages = await sitePages();
const doors = await publicDoors();

/** Links of pages to pages, or to places in pages, that are not there. */
function deadLinks(pages: readonly Page[]): string[] {
  const assets = { script: "docs.js", style: "docs.css", icon: "icon.svg" };
  const texts = new Map(pages.map((page) => [page.path, framed(page, pages, assets)]));
  const known = new Set(["../index.html", ...Object.values(assets)]);
  const ids = new Map([...texts].map(([path, html]) => [path, new Set(idsOf(html))]));
  return [...texts].flatMap(([from, html]) =>
    [...new Set([...html.matchAll(/ href="([^"]*)"/g)].map(([, href]) => href!))].flatMap((href) => {
      const [path, id] = href.split("#") as [string, string?];
      const there = ids.get(path || from);
      const isThere = known.has(path) || (there !== undefined && (!id || there.has(id)));
      return isThere ? [] : `${from} links to ${href}`;
    }),
  );
}

const idsOf = (html: string): string[] => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);

describe("pages", () => {
  it("link only to what is there", () => {
    expect(deadLinks(pages)).toEqual([]);
    const made: Page = {
      ...pages[0]!,
      path: "made.html",
      headings: [],
      html: '<a href="gone.html">a</a><a href="#gone">b</a>',
    };
    expect(deadLinks([...pages, made])).toEqual(["made.html links to gone.html", "made.html links to #gone"]);
  });

  it("have ids once, and no style in their text", () => {
    const faults = pages.flatMap(({ path, html }) => {
      const ids = idsOf(html);
      const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
      return [
        ...twice.map((id) => `${path} has ${id} twice`),
        ...(/ style=/.test(html) ? [`${path} has a style`] : []),
      ];
    });
    expect(faults).toEqual([]);
  });

  it("of kernels begin with a formula or a sentence, and say what to launch", () => {
    const kernel = headerOf(
      "// y = 2 x\n//\n// x, y      (N)\n// dispatch  one\n//           each\n// use: index\n\nfn main",
    );
    expect(kernel.paragraphs).toEqual([{ formula: true, text: "y = 2 x" }]);
    expect(kernel.fields).toEqual([
      ["x, y", "(N)"],
      ["dispatch", "one each"],
    ]);
    const kernels = pages.filter(({ path }) => /^kernel-(?!snippets)/.test(path));
    expect(kernels.length).toBeGreaterThan(50);
    expect(kernels.filter(({ html }) => !html.includes("<dt>dispatch</dt>")).map(({ path }) => path)).toEqual(
      [],
    );
  });
});

describe("guides", () => {
  const names = Object.values(GUIDES).flat();

  it("are all in the list", () => {
    const files = documents.filter((file) => file.includes("guides")).map((file) => relative(root, file));
    expect(files.toSorted()).toEqual(names.map((name) => relative(root, guideFile(name))).toSorted());
  });

  it("and the README have no code that no test runs", () => {
    const tests = [
      "train/readme.test.ts",
      "train/guides.test.ts",
      "data/from-images.test.ts",
      "cli/package.test.ts",
    ]
      .map((file) => readFileSync(`${root}test/${file}`, "utf8"))
      .join("\n");
    const seen = new Map<string, string>();
    const faults = documents.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/^```(\S+)(?: (\w+))?$/gm)].flatMap(
        ([fence, language, name]) => {
          const at = `${relative(root, file)}: ${fence}`;
          if (language === "sh" && file.endsWith("README.md"))
            return name && !tests.includes(`"sh").get("${name}")`) ? at : [];
          if (!name || !tests.includes(`virtual:readme/${name}"`)) return at;
          if ((seen.get(name) ?? file) !== file) return `${at} is also in ${seen.get(name)}`;
          seen.set(name, file);
          return [];
        },
      ),
    );
    expect(faults).toEqual([]);
  });

  it("name only names of ours where they compare", () => {
    const ours = new Set(
      doors.flatMap(({ sections }) =>
        sections.flatMap(({ symbols }) =>
          symbols.flatMap(({ name, members }) => [
            name,
            ...members.map((member) => `${name}.${member.name.replace("static ", "")}`),
          ]),
        ),
      ),
    );
    const options = new Set([...ours].map((name) => name.split(".")[1] ?? name));
    const unknown = (text: string): string[] =>
      [...text.matchAll(/^\| ([^|]*) \|/gm)]
        .flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
        .filter((name) => !ours.has(name) && !options.has(name));
    expect(unknown(readFileSync(guideFile("from"), "utf8"))).toEqual([]);
    expect(unknown("| `conv2d`, `gone` | `nn.Conv2d` |")).toEqual(["gone"]);
  });
});

describe("the API", () => {
  it("has words for every public name, with shapes and errors", () => {
    expect(speechless(doors)).toEqual([]);
  });

  it("is told what lacks them", () => {
    const symbol = { file: "src/made.ts", members: [], throws: [], kind: "function" } as const;
    const made = [
      { ...symbol, name: "silent", signature: "silent(): void", doc: "" },
      { ...symbol, name: "throwing", signature: "throwing(): void", doc: "Does it.", throws: ["ShapeError"] },
      { ...symbol, name: "shapeless", signature: "shapeless(x: Float32Array): void", doc: "Does it." },
      {
        ...symbol,
        name: "said",
        signature: "said(x: Float32Array): void",
        doc: "Of x (N). Throws ShapeError.",
        throws: ["ShapeError"],
      },
    ];
    expect(
      speechless([{ name: "made", doc: "", sections: [{ title: "", about: "", symbols: made }] }]),
    ).toEqual([
      "made: silent (src/made.ts) has no docstring",
      "made: throwing (src/made.ts) throws ShapeError and does not say so",
      "made: shapeless (src/made.ts) takes or gives numbers and does not say their shape or unit",
    ]);
  });
});
