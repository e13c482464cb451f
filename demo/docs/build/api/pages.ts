/** The reference: a page for each group of exports of each door. */
import { escaped, highlighted } from "../highlight.ts";
import { codeBlock, type Heading, type Links, slug, toHtml } from "../markdown.ts";
import { FIRST, type Page } from "../page.ts";
import type { Door, Member, PublicSymbol, Section } from "./extract.ts";

const pathOf = ({ name }: Door, { title }: Section): string => {
  const door = name === "webgraft" ? "" : `-${slug(name.replace("webgraft/", ""))}`;
  return `api${door}${title === "" ? "" : `-${slug(title)}`}.html`;
};

/** The address of a symbol's entry. Two doors may export one symbol: the first is linked. */
export function symbolLinks(doors: readonly Door[]): Links {
  const addresses = new Map<string, string>();
  for (const door of doors) {
    for (const section of door.sections) {
      for (const { name } of section.symbols) {
        if (!addresses.has(name)) addresses.set(name, `${pathOf(door, section)}#${name}`);
      }
    }
  }
  return (name) => addresses.get(name);
}

function memberHtml(owner: string, { name, signature, doc }: Member, links: Links): string {
  const own = name.replace("static ", "");
  const [before, after] = split(signature, own);
  const code = `${escaped(name.startsWith("static ") ? "static " : "")}${escaped(before)}<b>${escaped(own)}</b>${highlighted(after, "ts", links)}`;
  return `<dt id="${owner}.${own}"><code class="signature">${code}</code></dt>
<dd>${doc ? toHtml(doc, links).html : ""}</dd>`;
}

/** What stands before and after a name in its declaration. */
function split(signature: string, name: string): readonly [string, string] {
  const at = signature.indexOf(name);
  return at < 0 ? ["", `: ${signature}`] : [signature.slice(0, at), signature.slice(at + name.length)];
}

function symbolHtml(symbol: PublicSymbol, links: Links): string {
  const { name, kind, signature, doc, members } = symbol;
  const others: Links = (word) => (word === name ? undefined : links(word));
  const list = members.map((member) => memberHtml(name, member, others)).join("\n");
  return `<section class="symbol" aria-labelledby="${name}"><h2 id="${name}"><a class="anchor" href="#${name}">${name}</a> <small>${kind}</small></h2>
${codeBlock(highlighted(signature, "ts", others), `Declaration of ${name}`)}
${toHtml(doc, others).html}${list ? `<dl class="members">${list}</dl>` : ""}</section>`;
}

const firstSentence = (doc: string): string =>
  /^[\s\S]*?[.:](?=\s|$)/.exec(doc)?.[0].replace(/\s+/g, " ") ?? doc;

function sectionPage(door: Door, section: Section, links: Links): Page {
  const title = section.title || door.name;
  const about = section.about ? `: ${toHtml(section.about, links).html.replace(/<\/?p>\n?/g, "")}` : "";
  const intro = section.title ? "" : toHtml(door.doc, links).html;
  const headings: Heading[] = section.symbols.map(({ name }) => ({ level: 2, id: name, text: name }));
  return {
    path: pathOf(door, section),
    title,
    summary: `${door.name}: ${section.symbols.map(({ name }) => name).join(", ")}`,
    part: "api",
    group: door.name,
    html: `<h1>${escaped(title)}</h1>\n<p class="lead">Exported by <code>${door.name}</code>${about}.</p>${intro}
${section.symbols.map((symbol) => symbolHtml(symbol, links)).join("\n")}`,
    headings,
    found: section.symbols.flatMap(({ name, doc, members }) => [
      { id: name, title: name, text: firstSentence(doc) },
      ...members.map((member) => {
        const own = member.name.replace("static ", "");
        return { id: `${name}.${own}`, title: `${name}.${own}`, text: firstSentence(member.doc) };
      }),
    ]),
  };
}

export function apiPages(doors: readonly Door[]): Page[] {
  const links = symbolLinks(doors);
  const pages = doors.flatMap((door) => door.sections.map((section) => sectionPage(door, section, links)));
  const lists = doors.map((door) => {
    const sections = door.sections.map((section) => {
      const names = section.symbols.map(
        ({ name }) => `<a href="${pathOf(door, section)}#${name}"><code>${name}</code></a>`,
      );
      return `<h3><a href="${pathOf(door, section)}">${escaped(section.title || "All")}</a></h3><p class="names">${names.join(" ")}</p>`;
    });
    return `<h2 id="${slug(door.name)}"><code>${door.name}</code></h2>${toHtml(door.doc, links).html}${sections.join("\n")}`;
  });
  const first: Page = {
    path: FIRST.api,
    title: "All names",
    summary: "Every public name of the package, by the door that exports it.",
    part: "api",
    html: `<h1>API</h1>\n<p class="lead">Every public name, by the door that exports it, made from the sources' docstrings.</p>\n${lists.join("\n")}`,
    headings: doors.map(({ name }) => ({ level: 2, id: slug(name), text: name })),
  };
  return [first, ...pages];
}
