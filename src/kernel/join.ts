import type { Kernel } from "./kernel.ts";

/** A file: its path under shaders/ and its text, which ends with a newline. */
export type SourceFile = readonly [path: string, text: string];

/** Concatenates files into the text of a kernel. */
export function joinFiles(...files: readonly SourceFile[]): Pick<Kernel, "wgsl" | "sources"> {
  let firstLine = 1;
  const sources = files.map(([path, text]) => {
    const source = [path, firstLine] as const;
    firstLine += text.split("\n").length - 1;
    return source;
  });
  return { wgsl: files.map(([, text]) => text).join(""), sources };
}
