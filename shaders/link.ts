/**
 * The shader linker. A kernel file names the snippets it needs in its header,
 *
 *     // use: index, reduce           always appended
 *     // link: tile_4x4 | tile_8x8    one linked kernel for each alternative, named kernel_tile_4x4, …
 *
 * and the linker appends `lib/<snippet>.wgsl` for each (WGSL does not care for the order of declarations),
 * so what is validated, run and shipped is plain WGSL.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface LinkedShader {
  /** File name without extension, with the alternative where there are several. */
  readonly name: string;
  /** Snippets in the order in which they are appended. */
  readonly parts: readonly string[];
  readonly wgsl: string;
  /** [path under shaders/, its first line in `wgsl`]. */
  readonly sources: readonly (readonly [file: string, firstLine: number])[];
}

const list = (text: string, key: string, separator: string): string[] =>
  [...text.matchAll(new RegExp(`^// ${key}: (.+)$`, "gm"))].flatMap((m) =>
    m[1]!.split(separator).map((s) => s.trim()),
  );

/** Links one kernel file; throws with the file's name where a snippet is missing. */
export function linkShader(directory: string, file: string): LinkedShader[] {
  const text = readFileSync(join(directory, file), "utf8");
  const name = file.replace(/\.wgsl$/, "");
  const alternatives = list(text, "link", "|");
  return (alternatives.length > 0 ? alternatives : [undefined]).map((alternative) => {
    const parts: string[] = [];
    const sources: [string, number][] = [[file, 1]];
    let wgsl = text;
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
      sources.push([path, wgsl.split("\n").length]);
      wgsl += body;
      for (const next of list(body, "use", ",")) append(next, path);
    };
    for (const snippet of list(text, "use", ",")) append(snippet, file);
    if (alternative) append(alternative, file);
    return { name: alternative ? `${name}_${alternative}` : name, parts, wgsl, sources };
  });
}

/** Links every kernel of a shaders/ folder, in alphabetical order. */
export function linkShaders(directory: string): LinkedShader[] {
  const files = readdirSync(directory).filter((file) => file.endsWith(".wgsl"));
  return files.sort().flatMap((file) => linkShader(directory, file));
}
