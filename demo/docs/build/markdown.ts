/** Markdown as the documents write it: guides, and the text of docstrings. */
import MarkdownIt from "markdown-it";
import { highlighted, type Language } from "./highlight.ts";

export interface Heading {
  readonly level: number;
  readonly id: string;
  readonly text: string;
}

/** Where the name of a public symbol is explained, seen from the document. */
export type Links = (name: string) => string | undefined;

export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .trim()
    .replace(/\s+/g, "-");

const LANGUAGES: Readonly<Record<string, Language>> = {
  ts: "ts",
  sh: "sh",
  html: "html",
  json: "json",
  wgsl: "wgsl",
};

/** A block of code that scrolls by itself, within reach of the keyboard. */
export const codeBlock = (html: string, label: string): string =>
  `<pre class="code" tabindex="0" role="group" aria-label="${label}"><code>${html}</code></pre>\n`;

export function toHtml(
  text: string,
  links: Links,
): { readonly html: string; readonly headings: readonly Heading[] } {
  const headings: Heading[] = [];
  const markdown = new MarkdownIt({ html: false });
  const { rules } = markdown.renderer;
  rules.fence = (tokens, i) => {
    const { info, content } = tokens[i]!;
    const [language = ""] = info.split(" ");
    const lang = LANGUAGES[language];
    if (!lang)
      throw new Error(`a fence is of the language "${language}", not ${Object.keys(LANGUAGES).join(", ")}`);
    return codeBlock(
      highlighted(content.trimEnd(), lang, lang === "ts" ? links : undefined),
      `Code, ${language}`,
    );
  };
  // Examples of docstrings.
  rules.code_block = (tokens, i) =>
    codeBlock(highlighted(tokens[i]!.content.trimEnd(), "ts", links), "Example");
  rules.code_inline = (tokens, i) => {
    const { content } = tokens[i]!;
    const code = `<code>${markdown.utils.escapeHtml(content)}</code>`;
    const address = links(content.replace(/\(.*$/, "").replace(/\.\w+$/, "")) ?? links(content);
    return address ? `<a href="${address}">${code}</a>` : code;
  };
  rules.table_open = () => '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>\n';
  rules.table_close = () => "</table></div>\n";
  // Columns of numbers have a style in Markdown, and a class here.
  rules.th_open = rules.td_open = (tokens, i) =>
    `<${tokens[i]!.tag}${String(tokens[i]!.attrGet("style")).includes("right") ? ' class="number"' : ""}>`;
  rules.link_open = (tokens, i, options, _env, self) => {
    const token = tokens[i]!;
    token.attrSet("href", String(token.attrGet("href")).replace(/\.md(?=#|$)/, ".html"));
    return self.renderToken(tokens, i, options);
  };
  const parsed = markdown.parse(text, {});
  for (const [i, token] of parsed.entries()) {
    if (token.type !== "heading_open" || token.tag === "h1") continue;
    const { content } = parsed[i + 1]!;
    const plain = content.replaceAll("`", "");
    token.attrSet("id", slug(plain));
    headings.push({ level: Number(token.tag[1]), id: slug(plain), text: plain });
  }
  return { html: markdown.renderer.render(parsed, markdown.options, {}), headings };
}
