/** A page of the documentation, as the site has it, and the frame that all of them share. */
import { escaped } from "./highlight.ts";
import type { Heading } from "./markdown.ts";

export interface Page {
  /** In the folder of the documentation: `train.html`. */
  readonly path: string;
  readonly title: string;
  /** One sentence, for search engines and lists. */
  readonly summary: string;
  readonly part: Part;
  /** The page's own name in its list, and the group there. */
  readonly group?: string;
  readonly html: string;
  readonly headings: readonly Heading[];
  /** Words by which search finds the page besides its title and summary. */
  readonly also?: string;
  /** What search finds within the page. */
  readonly found?: readonly Found[];
}

export const parts = { guides: "Guides", kernels: "Kernels", api: "API" } as const;
export type Part = keyof typeof parts;

export interface Found {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** The first page of each part. */
export const FIRST: Readonly<Record<Part, string>> = {
  guides: "index.html",
  kernels: "kernels.html",
  api: "api.html",
};

/** What a page loads, by address seen from the page. */
export interface Assets {
  readonly script: string;
  readonly style: string;
  readonly icon: string;
  /** A content security policy, if any. */
  readonly policy?: string;
}

/** Names of kernels are long, and break after a part. */
const breakable = (name: string): string => escaped(name).replaceAll("_", "_<wbr>");

const item = (page: Page, current: Page): string =>
  `<li><a href="${page.path}"${page === current ? ' aria-current="page"' : ""}>${breakable(page.title)}</a></li>`;

function contents(current: Page, pages: readonly Page[]): string {
  const own = pages.filter(({ part }) => part === current.part);
  const groups = [...new Set(own.map(({ group }) => group))];
  return groups
    .map((group) => {
      const list = own.filter((page) => page.group === group).map((page) => item(page, current));
      return `${group ? `<h2>${escaped(group)}</h2>` : ""}<ul>${list.join("")}</ul>`;
    })
    .join("");
}

function onThisPage({ headings }: Page): string {
  const shown = headings.filter(({ level }) => level === 2 || level === 3);
  if (shown.length < 2) return "";
  const items = shown.map(
    ({ id, text, level }) => `<li class="level${level}"><a href="#${id}">${escaped(text)}</a></li>`,
  );
  return `<nav class="here" aria-labelledby="here"><h2 id="here">On this page</h2><ul>${items.join("")}</ul></nav>`;
}

function neighbours(current: Page, pages: readonly Page[]): string {
  const own = pages.filter(({ part }) => part === current.part);
  const at = own.indexOf(current);
  const link = (page: Page | undefined, rel: string, word: string): string =>
    page
      ? `<a rel="${rel}" href="${page.path}"><small>${word}</small> ${breakable(page.title)}</a>`
      : "<span></span>";
  return `<nav class="turn" aria-label="Pages before and after">${link(own[at - 1], "prev", "Before")}${link(own[at + 1], "next", "Next")}</nav>`;
}

export function framed(page: Page, pages: readonly Page[], { script, style, icon, policy }: Assets): string {
  const tabs = Object.entries(parts).map(
    ([part, name]) =>
      `<a href="${FIRST[part as Part]}"${part === page.part ? ' aria-current="true"' : ""}>${name}</a>`,
  );
  const list = contents(page, pages);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${policy ? `<meta http-equiv="Content-Security-Policy" content="${policy}">\n` : ""}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escaped(page.summary)}">
<title>${escaped(page.title)} · Webgraft</title>
<link rel="icon" type="image/svg+xml" href="${icon}">
<link rel="stylesheet" href="${style}">
<script type="module" src="${script}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="name" href="index.html">Webgraft</a>
<nav aria-label="Parts of the documentation">${tabs.join("")}<a href="../index.html">Race</a></nav>
<div class="tools"><a class="to-contents" href="#contents">Contents</a> <button type="button" id="find" aria-keyshortcuts="/" title="Search (key /)">Search</button></div>
</header>
<div class="columns">
<nav class="contents" id="contents" aria-label="${parts[page.part]}">${list}</nav>
<main id="main" tabindex="-1">
${page.html}
${neighbours(page, pages)}
</main>
${onThisPage(page)}
</div>
<footer class="foot"><p>Webgraft, MIT licence. These pages load nothing from elsewhere and work offline.</p></footer>
</body>
</html>
`;
}
