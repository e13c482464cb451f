/** The gallery: a page for each .wgsl file of shaders/, made of its header, its text and its kernels. */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Kernel } from "webgraft/kernels";
import * as door from "webgraft/kernels";
import { escaped, highlighted } from "./highlight.ts";
import { codeBlock } from "./markdown.ts";
import { FIRST, type Page } from "./page.ts";

const FAMILIES: Readonly<Record<string, string>> = {
  conv: "Convolution and dense",
  "conv/winograd": "Winograd convolution",
  elementwise: "Elementwise",
  "elementwise/activation": "Activations",
  image: "Images",
  layout: "Layout",
  loss: "Losses",
  norm: "Normalisation",
  optimizer: "Optimizers",
  pool: "Pooling",
};

const shaderText = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../shaders/${path}`, import.meta.url)), "utf8");

/** The parts of a header (shaders/README.md says what is in one). */
interface Header {
  /** Paragraphs; those of formulas alone are set as they are. */
  readonly paragraphs: readonly { readonly formula: boolean; readonly text: string }[];
  /** Tensors with their shapes, dispatch, numerics and source. */
  readonly fields: readonly (readonly [name: string, text: string])[];
}

export function headerOf(wgsl: string): Header {
  const lines = wgsl.slice(0, wgsl.search(/^(?!\/\/)/m)).split("\n");
  const text = lines
    .map((line) => line.replace(/^\/\/ ?/, ""))
    .filter((line) => !/^(use|link|version): /.test(line));
  const paragraphs: string[][] = [[]];
  for (const line of text) {
    if (line !== "") paragraphs.at(-1)!.push(line);
    else if (paragraphs.at(-1)!.length > 0) paragraphs.push([]);
  }
  const fields: [string, string][] = [];
  const at = paragraphs.findIndex((lines) => lines.some((line) => /^dispatch\s{2,}/.test(line)));
  for (const line of paragraphs[at] ?? []) {
    const [, name, value] = /^(\S.*?)\s{2,}(.+)$/.exec(line) ?? [];
    if (name && value) fields.push([name, value]);
    else fields.at(-1)![1] += ` ${line.trim()}`;
  }
  return {
    paragraphs: paragraphs.slice(0, at).map((lines, i) => {
      const isFormula =
        lines.every((line) => line.startsWith("  ")) || (i === 0 && /^\S+ = /.test(lines[0]!));
      return { formula: isFormula, text: lines.join(isFormula ? "\n" : " ") };
    }),
    fields,
  };
}

const isKernel = (value: unknown): boolean => typeof value === "object" && value !== null && "wgsl" in value;

/** The file under shaders/ that a kernel is linked from: the one that is no snippet. */
export const fileOf = ({ sources }: Kernel): string =>
  sources.map(([path]) => path).find((path) => !path.startsWith("lib/"))!;

const nameOf = (file: string): string => basename(file, ".wgsl");
export const pathOfKernel = (file: string): string => `kernel-${nameOf(file)}.html`;

/** All kernels by their file, in the order of the folders. */
export function kernelFiles(): ReadonlyMap<string, readonly Kernel[]> {
  const files = new Map<string, Kernel[]>();
  for (const kernel of (Object.values(door) as readonly unknown[]).filter(isKernel) as readonly Kernel[]) {
    const file = fileOf(kernel);
    files.set(file, [...(files.get(file) ?? []), kernel]);
  }
  return files;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[], label: string): string =>
  `<div class="wide" tabindex="0" role="group" aria-label="${label}"><table><thead><tr>${head
    .map((cell) => `<th scope="col">${cell}</th>`)
    .join("")}</tr></thead><tbody>${rows
    .map(
      ([first, ...rest]) =>
        `<tr><th scope="row"><code>${first}</code></th>${rest.map((cell) => `<td>${cell}</td>`).join("")}</tr>`,
    )
    .join("")}</tbody></table></div>`;

const codes = (names: readonly string[]): string => names.map((name) => `<code>${name}</code>`).join(", ");

function bindingsTable([kernel]: readonly Kernel[], { fields }: Header): string {
  const shape = (name: string): string =>
    fields.find(([names]) => names.split(/, | \(/).includes(name))?.[1] ?? "";
  const rows = kernel!.bindings.map(({ name, access, element, alias }) => [
    name,
    access === "read" ? "read" : "read, write",
    `<code>${element}</code>${alias ? " or f16" : ""}`,
    escaped(shape(name)),
  ]);
  return table(["Binding", "Access", "Element", "Shape"], rows, "Bindings");
}

function factsOf(kernels: readonly Kernel[], { fields }: Header): string {
  const [kernel] = kernels;
  const bindings = new Set(kernel!.bindings.map(({ name }) => name));
  const rest = fields.filter(([names]) => !names.split(/, | \(/).some((name) => bindings.has(name)));
  const needed = Object.entries(kernel!.constants);
  const args = Object.entries(kernel!.args);
  const features = [...new Set(kernels.flatMap(({ features }) => features))];
  const facts: (readonly [string, string])[] = [
    ...rest.map(([name, text]) => [escaped(name), escaped(text)] as const),
    ["overrides", codes(needed.map(([name, required]) => (required ? name : `${name}?`))) || "none"],
    ["args", codes(args.map(([name, type]) => `${name}: ${type}`)) || "none"],
    ["features", features.length > 0 ? `${codes(features)}, for some variants` : "none"],
    ["live scalars", kernel!.live ? "learning rate, step, seed at <code>@group(1)</code>" : "none"],
    ["workgroup", kernels.length > 1 ? "by variant" : kernel!.workgroupSize.join(" × ")],
  ];
  return `<dl class="facts">${facts.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join("")}</dl>`;
}

function kernelPage(file: string, kernels: readonly Kernel[]): Page {
  const wgsl = shaderText(file);
  const header = headerOf(wgsl);
  const name = nameOf(file);
  const snippets = [...new Set(kernels.flatMap(({ sources }) => sources.map(([path]) => path)))].filter(
    (path) => path !== file,
  );
  const paragraphs = header.paragraphs.map(({ formula, text }) =>
    formula
      ? `<pre class="formula" tabindex="0" role="group" aria-label="Formula">${escaped(text)}</pre>`
      : `<p>${escaped(text)}</p>`,
  );
  const links = snippets.map(
    (path) => `<a href="kernel-snippets.html#${nameOf(path)}"><code>${nameOf(path)}</code></a>`,
  );
  const html = `<h1><code>${name}</code></h1>
${paragraphs.join("\n")}
<section class="run" data-file="${file}" aria-labelledby="run"><h2 id="run">On your GPU</h2>
<p class="quiet">Runs the tests of the ops that launch this kernel and compares every number with a reference in f64; then times it in the shapes of real networks.</p>
<p class="buttons"><button type="button" class="primary" data-run="check" disabled>Run against the reference</button>
<button type="button" data-run="time" disabled>Measure its speed</button>
<button type="button" data-run="cancel" hidden>Cancel</button></p>
<p class="status" role="status"></p><div class="results"></div></section>
<h2 id="interface">Interface</h2>
${bindingsTable(kernels, header)}
${factsOf(kernels, header)}
<h2 id="use">Use it</h2>
${codeBlock(highlighted(`import { ${kernels[0]!.name}, prepareKernel } from "webgraft/kernels";`, "ts"), "Import")}
<p>As plain text it is <code>webgraft/wgsl/${kernels[0]!.name}.wgsl</code>; <a href="kernel.html">the guide</a> says how to bind and launch it.</p>
${kernels.length > 1 ? `<h2 id="variants">Kernels of this file</h2><p class="names">${codes(kernels.map(({ name }) => name))}</p>` : ""}
<h2 id="text">Text</h2>
${links.length > 0 ? `<p>The linker appends ${links.join(", ")}.</p>` : ""}
${codeBlock(highlighted(wgsl.trimEnd(), "wgsl"), "WGSL")}`;
  const summary = header.paragraphs[0]!.text.replace(/\s+/g, " ");
  return {
    path: pathOfKernel(file),
    title: name,
    summary,
    part: "kernels",
    group: FAMILIES[dirname(file)] ?? dirname(file),
    html,
    headings: [
      { level: 2, id: "run", text: "On your GPU" },
      { level: 2, id: "interface", text: "Interface" },
      { level: 2, id: "use", text: "Use it" },
      ...(kernels.length > 1 ? [{ level: 2, id: "variants", text: "Kernels of this file" }] : []),
      { level: 2, id: "text", text: "Text" },
    ],
    also: kernels.map((kernel) => kernel.name).join(" "),
  };
}

function snippetsPage(kernels: Iterable<readonly Kernel[]>): Page {
  const all = [...kernels].flat().flatMap(({ sources }) => sources.map(([path]) => path));
  const paths = [...new Set(all)].filter((path) => path.startsWith("lib/")).sort();
  const sections = paths.map((path) => {
    const id = nameOf(path);
    return `<h2 id="${id}"><code>${id}</code></h2>${codeBlock(highlighted(shaderText(path).trimEnd(), "wgsl"), `WGSL of ${id}`)}`;
  });
  return {
    path: "kernel-snippets.html",
    title: "Snippets",
    summary: "What several kernels share: the linker appends it to their text.",
    part: "kernels",
    group: "Shared",
    html: `<h1>Snippets</h1>\n<p>What several kernels share: the linker appends it to their text.</p>\n${sections.join("\n")}`,
    headings: paths.map((path) => ({ level: 2, id: nameOf(path), text: nameOf(path) })),
  };
}

export function kernelPages(): Page[] {
  const files = kernelFiles();
  const pages = [...files].map(([file, kernels]) => kernelPage(file, kernels));
  const order = Object.values(FAMILIES);
  pages.sort((a, b) => order.indexOf(a.group!) - order.indexOf(b.group!));
  const total = [...files.values()].flat().length;
  const groups = [...new Set(pages.map(({ group }) => group!))].map((group) => {
    const own = pages.filter((page) => page.group === group);
    const rows = own.map(
      ({ path, title, summary }) =>
        `<li><a href="${path}"><code>${title}</code></a> <span>${escaped(summary)}</span></li>`,
    );
    return `<h2 id="${group.toLowerCase().replace(/\W+/g, "-")}">${group}</h2><ul class="kernels">${rows.join("")}</ul>`;
  });
  const summary = `${files.size} files, ${total} kernels: formula, text, interface; run and timed on your GPU.`;
  const first: Page = {
    path: FIRST.kernels,
    title: "All kernels",
    summary,
    part: "kernels",
    html: `<h1>Kernels</h1>
<p class="lead">Every kernel is plain WGSL with its formula at the top. Open one to read it, to run it on your GPU against a
reference in f64, and to see how fast it is there. ${files.size} files make ${total} kernels, most of them variants of which a heuristic or a
<a href="tune.html">measurement</a> picks one.</p>
${groups.join("\n")}`,
    headings: [],
  };
  return [first, ...pages, snippetsPage(files.values())];
}
