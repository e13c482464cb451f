/** The interface of linked shaders, read from their text by wgsl_reflect. */
// The package's default entry is a CommonJS bundle that Node cannot import names from.
import { Override, WgslParser, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import type { LinkedShader } from "./link.ts";

/** An entry point of a linked shader. */
export interface EntryPoint {
  readonly name: string;
  /** Fields of a `Kernel` that follow from the text, as source text. */
  readonly fields: Readonly<Record<string, string>>;
}

/** The uniform that holds a kernel's numbers: the last binding of its file, before those of snippets. */
const ARGS = "args";

/** The entry points of a linked shader. Throws with its name where something is not as kernels are to be. */
export function entryPoints(shader: LinkedShader): EntryPoint[] {
  let reflect: WgslReflect;
  try {
    reflect = new WgslReflect(shader.wgsl);
  } catch (cause) {
    throw new Error(`${shader.name}: ${firstLine(cause)}`, { cause });
  }
  const defaults = new Map<string, boolean>();
  for (const node of new WgslParser().parse(shader.wgsl)) {
    if (node instanceof Override) defaults.set(node.name, node.value !== null && node.value !== undefined);
  }
  if (reflect.entry.compute.length === 0) throw new Error(`${shader.name}: no entry point was found`);
  return reflect.entry.compute.map((entry) => {
    const resources = [...new Map(entry.resources.map((r) => [r.name, r])).values()];
    const own = resources.filter((r) => r.group === 0).sort((a, b) => a.binding - b.binding);
    own.forEach((binding, i) => {
      if (binding.binding !== i) throw new Error(`${shader.name}: ${entry.name} skips @binding(${i})`);
    });
    const bindings = own.filter(({ name }) => name !== ARGS);
    const argsAt = own.findIndex(({ name }) => name === ARGS);
    const size = entry.attributes?.find((a) => a.name === "workgroup_size")?.value ?? [];
    const given = Array.isArray(size) ? size : [size];
    const used = reachable(shader.wgsl, entry.name);
    const constants = [...defaults]
      .filter(([name]) => used.has(name))
      .map(([name, hasDefault]) => `${name}: ${!hasDefault}`);
    const fields = {
      entryPoint: `"${entry.name}"`,
      bindings: `[${bindings
        .map((b) => {
          const alias = aliasOf(b.name, shader);
          const more = alias ? `, alias: "${alias}"` : "";
          return `{ name: "${b.name}", access: "${b.access}", element: "${elementName(b.type)}"${more} }`;
        })
        .join(", ")}]`,
      features: JSON.stringify(shader.features),
      live: `${resources.some((r) => r.group === 1)}`,
      constants: `{ ${constants.join(", ")} }`,
      args: `{ ${argsAt >= 0 ? argsFields(reflect) : ""} }`,
      ...(argsAt >= 0 && argsAt < bindings.length && { argsAt: `${argsAt}` }),
      workgroupSize: JSON.stringify([0, 1, 2].map((i) => numberOf(given[i] ?? "1", shader.wgsl))),
    };
    return { name: entry.name, fields };
  });
}

/** Layouts of the structs that a shader binds and the host writes, by the names of the structs, as source text. */
export function structLayouts({ wgsl }: LinkedShader): [name: string, layout: string][] {
  const { uniforms, storage } = new WgslReflect(wgsl);
  return [...uniforms, ...storage].flatMap(({ name, type, members }): [string, string][] => {
    if (!type.isStruct || !members || name === ARGS) return [];
    const fields = members.map(
      (member) => `${member.name}: { offset: ${member.offset}, type: "${member.type.getTypeName()}" }`,
    );
    return [[type.name, `{ size: ${type.size}, fields: { ${fields.join(", ")} } }`]];
  });
}

/** Fields of the uniform `args`, which are scalars that follow each other. */
function argsFields({ uniforms }: WgslReflect): string {
  const { members } = uniforms.find(({ name }) => name === ARGS)!;
  return members!.map(({ name, type }) => `${name}: "${type.getTypeName()}"`).join(", ");
}

/** A number, or the name of a constant that is one. */
function numberOf(text: string, wgsl: string): number {
  const constant = new RegExp(`^const ${text} = (\\d+)u;`, "m").exec(wgsl);
  const number = Number(constant?.[1] ?? text);
  if (!Number.isInteger(number)) throw new Error(`@workgroup_size(${text}) is no number`);
  return number;
}

/** The name of the type of a binding's elements, where they may be f16: `x4` for vec4s of `x`, `x1` for single numbers. */
function aliasOf(binding: string, { name, wgsl }: LinkedShader): string | undefined {
  const [, element] = new RegExp(`> ${binding}: array<(\\w+)>;`).exec(wgsl) ?? [];
  const [, type] = new RegExp(`^alias ${element} = (vec4f|f32);$`, "m").exec(wgsl) ?? [];
  if (!type) return undefined;
  if (element !== `${binding}${type === "f32" ? 1 : 4}`) {
    throw new Error(
      `${name}: the elements of ${binding} cannot be of type ${element}, which is named after another`,
    );
  }
  return element;
}

/** Identifiers in a function and in the functions that it calls, however deep: wgsl_reflect stops at some. */
function reachable(wgsl: string, entryPoint: string): Set<string> {
  const code = wgsl.replace(/\/\/.*$/gm, "");
  const bodies = new Map(
    [...code.matchAll(/^fn (\w+)[\s\S]*?^}/gm)].map(([text, name]) => [
      name!,
      text.match(/\b[A-Za-z_]\w*/g) ?? [],
    ]),
  );
  const seen = new Set([entryPoint]);
  // A set visits what is added to it on the way.
  for (const name of seen) for (const word of bodies.get(name) ?? []) seen.add(word);
  return seen;
}

function elementName(type: { format?: { getTypeName(): string } | null; getTypeName(): string }): string {
  return (type.format ?? type).getTypeName();
}

const firstLine = (cause: unknown): string =>
  String(cause instanceof Error ? cause.message : cause).split("\n")[0]!;
