/** Code with its tokens in classes, since the page's policy allows no styles in the text. */
import { createCssVariablesTheme, createHighlighter } from "shiki";

export type Language = "ts" | "wgsl" | "sh" | "html" | "json";

/** The class of a token by the variable that the theme gives it; all other tokens stay as the text is. */
const CLASSES: Readonly<Record<string, string>> = {
  comment: "c",
  keyword: "k",
  function: "f",
  string: "s",
  "string-expression": "s",
  constant: "n",
};

const highlighter = await createHighlighter({
  themes: [createCssVariablesTheme({ name: "variables", variablePrefix: "--" })],
  langs: ["ts", "wgsl", "sh", "html", "json"],
});

export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** The code as HTML; `linked` may give the address of what a word names. */
export function highlighted(
  code: string,
  lang: Language,
  linked: (word: string) => string | undefined = () => undefined,
): string {
  const { tokens } = highlighter.codeToTokens(code, { lang, theme: "variables" });
  return tokens
    .map((line) =>
      runs(line)
        .map((run) => tokenHtml(run, linked))
        .join(""),
    )
    .join("\n");
}

interface Run {
  readonly kind: string | undefined;
  readonly text: string;
}

/** The tokens of a line, neighbours of one class together. */
function runs(line: readonly { readonly content: string; readonly color?: string }[]): Run[] {
  const found: Run[] = [];
  for (const { content, color } of line) {
    const kind = CLASSES[/--token-([\w-]+)/.exec(color ?? "")?.[1] ?? ""];
    const last = found.at(-1);
    if (last && last.kind === kind) found[found.length - 1] = { kind, text: last.text + content };
    else found.push({ kind, text: content });
  }
  return found;
}

function tokenHtml({ kind, text }: Run, linked: (word: string) => string | undefined): string {
  const html =
    kind === "c" || kind === "s"
      ? escaped(text)
      : text
          .split(/(\b[A-Za-z_]\w*\b)/)
          .map((word, i, words) => {
            // A method of this name is another thing.
            const address =
              words[i - 1]?.endsWith(".") && !words[i - 1]!.endsWith("...") ? undefined : linked(word);
            return address ? `<a href="${address}">${word}</a>` : escaped(word);
          })
          .join("");
  return kind ? `<span class="${kind}">${html}</span>` : html;
}
