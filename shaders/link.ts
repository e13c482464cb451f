/**
 * The shader linker. A kernel file names the snippets it needs in its header,
 *
 *     // use: index, activation                  always appended
 *     // link: tile=8x8 share=none | tile=4x4    one kernel for each alternative, best first
 *
 * and the linker appends `<snippet>.wgsl`, from whichever folder of lib/ it lies in (WGSL does not care for the order
 * of declarations), so what is validated, run and shipped is plain WGSL. A slot `tile` with the value `8x8` is filled by
 * the snippet tile_8x8, and the kernel is named after the values: kernel_8x8_none, kernel_4x4. Link lines go on in the
 * next one.
 *
 *     // version: norm=plain | norm=after for share=workgroup
 *
 * links all alternatives with the snippet norm_plain as well, which does not show in their names, and then those that
 * share=workgroup anew with norm_after, as kernels of their own: kernel_after_8x8_workgroup. Only directives (`enable …;`) must come before all declarations: a snippet that has some holds nothing else
 * and is put first.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { FEATURES } from "../src/kernel/define/read.ts";
import { joinFiles, type SourceFile } from "../src/kernel/join.ts";

export interface LinkedShader {
  /** Name of the kernel file without extension, with its version where it is not the first: what its variants share. */
  readonly family: string;
  /** That, with the values of the slots: names one kernel. */
  readonly name: string;
  /** What fills its slots, by their names; none where the file has no link line. */
  readonly slots: Readonly<Record<string, string>>;
  /** Whole-number constants of the snippets in its slots. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly wgsl: string;
  /** [path under shaders/, its first line in `wgsl`]. */
  readonly sources: readonly (readonly [file: string, firstLine: number])[];
  /** What WebGPU calls the features that it enables. */
  readonly features: readonly string[];
}

/** What WGSL wants before any declaration. */
const DIRECTIVE = /^(enable|requires|diagnostic)\b/m;

const list = (text: string, key: string, separator: string): string[] =>
  [...text.matchAll(new RegExp(`^// ${key}: (.+)$`, "gm"))].flatMap((m) =>
    m[1]!.split(separator).map((s) => s.trim()),
  );

/** The .wgsl files of a folder and its folders, by their names without extension. Throws where two have one name. */
function wgslFiles(directory: string, folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const file of readdirSync(join(directory, folder), { recursive: true, encoding: "utf8" }).sort()) {
    const name = basename(file, ".wgsl");
    if (!file.endsWith(".wgsl")) continue;
    const path = join(folder, file);
    if (files.has(name)) throw new Error(`shaders/${files.get(name)} and shaders/${path} have one name`);
    files.set(name, path);
  }
  return files;
}

/** The snippets of a shaders/ folder: the path of each, by its name. */
export const snippetsOf = (directory: string): ReadonlyMap<string, string> => wgslFiles(directory, "lib");

/**
 * Links one kernel file, a path under shaders/, in the order of its alternatives; throws with the file's name where a
 * snippet is missing, a slot has no value or two alternatives are the same.
 */
export function linkShader(
  directory: string,
  file: string,
  snippets: ReadonlyMap<string, string> = snippetsOf(directory),
): LinkedShader[] {
  const text = readFileSync(join(directory, file), "utf8");
  const linked = alternativesOf(text, file).map(({ slots, version, family }): LinkedShader => {
    const appended: SourceFile[] = [];
    const append = (snippet: string, user: string): void => {
      const path = snippets.get(snippet);
      if (!path) throw new Error(`${user}, but shaders/lib/ has no ${snippet}.wgsl`);
      if (appended.some(([known]) => known === path)) return;
      const body = readFileSync(join(directory, path), "utf8");
      appended.push([path, body]);
      for (const next of list(body, "use", ",")) append(next, `${path} uses "${next}"`);
    };
    for (const snippet of list(text, "use", ",")) append(snippet, `${file} uses "${snippet}"`);
    const filling = Object.entries({ ...slots, ...version }).map(([slot, value]) => {
      append(`${slot}_${value}`, `${file} links ${slot}=${value}`);
      return snippets.get(`${slot}_${value}`)!;
    });
    const directives = appended.filter(([, body]) => DIRECTIVE.test(body));
    const others = appended.filter((snippet) => !directives.includes(snippet));
    const files: SourceFile[] = [...directives, [file, text], ...others];
    return {
      family,
      name: [family, ...Object.values(slots)].join("_"),
      slots,
      numbers: numbersOf(files.filter(([path]) => filling.includes(path))),
      ...joinFiles(...files),
      features: [...new Set(files.flatMap(featuresOf))],
    };
  });
  const twice = linked.find(({ name }, i) => linked.findIndex((other) => other.name === name) < i);
  if (twice) throw new Error(`${file} links ${twice.name} twice`);
  return linked;
}

/** Links every kernel of a shaders/ folder, in alphabetical order of their paths. */
export function linkShaders(directory: string): LinkedShader[] {
  const snippets = snippetsOf(directory);
  const kernels = [...wgslFiles(directory, ".")].filter(([name]) => !snippets.has(name));
  return kernels.flatMap(([, file]) => linkShader(directory, file, snippets));
}

type Slots = Readonly<Record<string, string>>;

/** An alternative of a kernel file's link lines, in one of the file's versions. */
interface Alternative {
  readonly slots: Slots;
  readonly version: Slots;
  readonly family: string;
}

/** All alternatives in all versions; one without slots where there are none. */
function alternativesOf(text: string, file: string): Alternative[] {
  const parse = (words: string): Slots =>
    Object.fromEntries(
      words.split(/\s+/).map((slot) => {
        const [name, value, ...rest] = slot.split("=");
        if (!name || !value || rest.length > 0) throw new Error(`${file}: "${slot}" is no slot=value`);
        return [name, value] as const;
      }),
    );
  const linked = list(text, "link", "|").map(parse);
  const alternatives = linked.length > 0 ? linked : [{}];
  const versions = list(text, "version", "|").map((words) => words.split(" for ").map(parse));
  return (versions.length > 0 ? versions : [[{}]]).flatMap(([version = {}, only = {}], i) =>
    alternatives
      .filter((slots: Slots) => Object.entries(only).every(([slot, value]) => slots[slot] === value))
      .map((slots) => {
        const family = [basename(file, ".wgsl"), ...(i > 0 ? Object.values(version) : [])].join("_");
        return { slots, version, family };
      }),
  );
}

function numbersOf(files: readonly SourceFile[]): Record<string, number> {
  const constants = files.flatMap(([, text]) => [...text.matchAll(/^const (\w+) = (\d+)u;/gm)]);
  return Object.fromEntries(constants.map(([, name, value]) => [name!, Number(value)]));
}

function featuresOf([path, text]: SourceFile): string[] {
  const names = [...text.matchAll(/^enable ([\w, ]+);/gm)].flatMap((m) => m[1]!.split(/, */));
  return names.map((name) => {
    const feature = FEATURES[name];
    if (!feature)
      throw new Error(`shaders/${path} enables ${name}, which FEATURES of src/kernel/define/read.ts lacks`);
    return feature;
  });
}
