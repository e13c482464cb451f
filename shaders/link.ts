/**
 * The shader linker. A kernel file names the snippets it needs in its header,
 *
 *     // use: index, reduce           always appended
 *     // link: a + b | a + c    one linked kernel for each alternative, named kernel_a_b and kernel_a_c
 *
 * and the linker appends `lib/<snippet>.wgsl` for each (WGSL does not care for the order of declarations),
 * so what is validated, run and shipped is plain WGSL. Only directives (`enable …;`) must come before all
 * declarations: a snippet that has some holds nothing else and is put first.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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

/** Links one kernel file; throws with the file's name where a snippet is missing. */
export function linkShader(directory: string, file: string): LinkedShader[] {
  const text = readFileSync(join(directory, file), "utf8");
  const name = file.replace(/\.wgsl$/, "");
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
      const path = `lib/${snippet}.wgsl`;
      let body: string;
      try {
        body = readFileSync(join(directory, path), "utf8");
      } catch {
        throw new Error(`${user} uses "${snippet}", but shaders/${path} does not exist`);
      }
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

/** Links every kernel of a shaders/ folder, in alphabetical order. */
export function linkShaders(directory: string): LinkedShader[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".wgsl"));
  return files.sort().flatMap((file) => linkShader(directory, file));
}
