/** The guides, in the order in which they are read. */
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Links, toHtml } from "./markdown.ts";
import type { Page } from "./page.ts";

/** File by group; `index` is the documentation's first page. */
export const GUIDES: Readonly<Record<string, readonly string[]>> = {
  Start: ["index", "train", "data", "finetune", "from"],
  "Your own": ["network", "loss", "op", "kernel"],
  "In depth": ["tune", "deploy", "numerics", "memory"],
};

export const guideFile = (name: string): string =>
  fileURLToPath(new URL(`../guides/${name}.md`, import.meta.url));

/** A line with nothing but a link to a document elsewhere stands for its table. */
const withTables = (text: string, name: string): string =>
  text.replace(/^\[[^\]]+\]\((\.\.\/[^)]+\.md)\)$/gm, (_, target: string) => {
    const document = readFileSync(new URL(target, pathToFileURL(guideFile(name))), "utf8");
    return document
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .join("\n");
  });

export function guidePages(links: Links): Page[] {
  return Object.entries(GUIDES).flatMap(([group, names]) =>
    names.map((name): Page => {
      const text = withTables(readFileSync(guideFile(name), "utf8"), name);
      const [, title] = /^# (.+)$/m.exec(text) ?? [];
      const [, summary] = /^# .+\n\n([\s\S]+?)(?:\n\n|$)/.exec(text) ?? [];
      if (!title || !summary)
        throw new Error(`demo/docs/guides/${name}.md begins without a title and a paragraph`);
      const { html, headings } = toHtml(text, links);
      const plain = summary
        .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1")
        .replaceAll("`", "")
        .replaceAll("\n", " ");
      return { path: `${name}.html`, title, summary: plain, part: "guides", group, html, headings };
    }),
  );
}
