/**
 * The shader linker. A kernel file names the snippets it needs in its header,
 *
 *     // use: index, reduce           always appended
 *     // link: a + b | a + c    one linked kernel for each alternative, named kernel_a_b and kernel_a_c
 *
 * and the linker appends `<snippet>.wgsl`, from whichever folder of lib/ it lies in (WGSL does not care for the order
 * of declarations), so what is validated, run and shipped is plain WGSL. Only directives (`enable …;`) must come before
 * all declarations: a snippet that has some holds nothing else and is put first.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface LinkedShader {
  /** File name without extension, with the alternative where there are several. */
  readonly name: string;
  readonly wgsl: string;
  /** [path under shaders/, its first line in `wgsl`]. */
  readonly sources: readonly (readonly [file: string, firstLine: number])[];
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

/** Links one kernel file, a path under shaders/; throws with the file's name where a snippet is missing. */
export function linkShader(
  directory: string,
  file: string,
  snippets: ReadonlyMap<string, string> = snippetsOf(directory),
): LinkedShader[] {
  const text = readFileSync(join(directory, file), "utf8");
  const name = basename(file, ".wgsl");
  const alternatives = list(text, "link", "|").map((alternative) =>
    alternative.split("+").map((s) => s.trim()),
  );
  return (alternatives.length > 0 ? alternatives : [[]]).map((alternative) => {
    const parts: string[] = [];
    const appended: [path: string, text: string][] = [[file, text]];
    const directives: [path: string, text: string][] = [];
    const append = (snippet: string, user: string): void => {
      if (parts.includes(snippet)) return;
      parts.push(snippet);
      const path = snippets.get(snippet);
      if (!path) throw new Error(`${user} uses "${snippet}", but shaders/lib/ has no ${snippet}.wgsl`);
      const body = readFileSync(join(directory, path), "utf8");
      (DIRECTIVE.test(body) ? directives : appended).push([path, body]);
      for (const next of list(body, "use", ",")) append(next, path);
    };
    for (const snippet of list(text, "use", ",")) append(snippet, file);
    for (const snippet of alternative) append(snippet, file);
    let wgsl = "";
    const sources = [...directives, ...appended].map(([path, body]) => {
      const firstLine = wgsl.split("\n").length;
      wgsl += body;
      return [path, firstLine] as const;
    });
    return { name: [name, ...alternative].join("_"), wgsl, sources };
  });
}

/** Links every kernel of a shaders/ folder, in alphabetical order of their names. */
export function linkShaders(directory: string): LinkedShader[] {
  const snippets = snippetsOf(directory);
  const kernels = [...wgslFiles(directory, ".")].filter(([name]) => !snippets.has(name));
  return kernels.flatMap(([, file]) => linkShader(directory, file, snippets));
}
