/** The interface of linked shaders, as source text. */
// The package's default entry is a CommonJS bundle that Node cannot import names from.
import { WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { readEntryPoints } from "../src/kernel/define/read.ts";
import type { LinkedShader } from "./link.ts";

/** An entry point of a linked shader. */
export interface EntryPoint {
  readonly name: string;
  /** Fields of a `Kernel` that follow from the text, as source text. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The entry points of a linked shader. Throws with its name where something is not as kernels are to be. */
export function entryPoints({ name, wgsl }: LinkedShader): EntryPoint[] {
  const read = readEntryPoints(name, wgsl);
  if (read.length === 0) throw new Error(`${name}: no entry point was found`);
  return read.map((entry) => ({
    name: entry.entryPoint,
    fields: Object.fromEntries(Object.entries(entry).map(([field, value]) => [field, JSON.stringify(value)])),
  }));
}

/** Layouts of the structs that a shader binds and the host writes, by the names of the structs, as source text. */
export function structLayouts({ wgsl }: LinkedShader): [name: string, layout: string][] {
  const { uniforms, storage } = new WgslReflect(wgsl);
  return [...uniforms, ...storage].flatMap(({ name, type, members }): [string, string][] => {
    if (!type.isStruct || !members || name === "args") return [];
    const fields = members.map(
      (member) => `${member.name}: { offset: ${member.offset}, type: "${member.type.getTypeName()}" }`,
    );
    return [[type.name, `{ size: ${type.size}, fields: { ${fields.join(", ")} } }`]];
  });
}
