/**
 * Writes src/kernel/shaders.gen.ts: every linked kernel with its interface, read from its text by wgsl_reflect, so
 * that a misspelt binding or constant is a compile error, and src/kernel/structs.gen.ts: where the fields of structs
 * that the host writes lie, so that nobody packs offsets by hand. Run by every script of package.json that needs it.
 * src/kernel/shaders-hash.gen.ts tells one set of texts from another.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
// The package's default entry is a CommonJS bundle that Node cannot import names from.
import { Override, WgslParser, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { type LinkedShader, linkShaders } from "./link.ts";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);

/** The entry points of a linked shader as source text of `Kernel` constants. */
function describeShader(shader: LinkedShader): string[] {
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
    const bindings = own.filter(({ name }) => name !== "shape");
    if (own.length > bindings.length && own.at(-1)!.name !== "shape")
      throw new Error(`${shader.name}: shape is not the last binding`);
    const size = entry.attributes?.find((a) => a.name === "workgroup_size")?.value ?? [];
    const given = Array.isArray(size) ? size : [size];
    const workgroupSize = [0, 1, 2].map((i) => numberOf(given[i] ?? "1", shader.wgsl));
    const used = reachable(shader.wgsl, entry.name);
    const constants = [...defaults]
      .filter(([name]) => used.has(name))
      .map(([name, hasDefault]) => `${name}: ${!hasDefault}`);
    const name = entry.name === "main" ? shader.name : `${shader.name}_${entry.name}`;
    const lines = [
      `name: "${name}"`,
      `entryPoint: "${entry.name}"`,
      `wgsl: ${shader.name}_wgsl`,
      `sources: ${JSON.stringify(shader.sources)}`,
      `bindings: [${bindings
        .map((b) => {
          const alias = aliasOf(b.name, shader);
          const more = alias ? `, alias: "${alias}"` : "";
          return `{ name: "${b.name}", access: "${b.access}", element: "${elementName(b.type)}"${more} }`;
        })
        .join(", ")}]`,
      `features: ${JSON.stringify([...shader.wgsl.matchAll(/^enable (\w+);/gm)].map(([, name]) => name))}`,
      `live: ${resources.some((r) => r.group === 1)}`,
      `constants: { ${constants.join(", ")} }`,
      `shape: { ${own.length > bindings.length ? shapeFields(reflect) : ""} }`,
      `workgroupSize: ${JSON.stringify(workgroupSize)}`,
    ];
    return `export const ${name} = {\n  ${lines.join(",\n  ")},\n} as const satisfies Kernel;`;
  });
}

/** Fields of the uniform `shape`, which are scalars that follow each other. */
function shapeFields({ uniforms }: WgslReflect): string {
  const { members } = uniforms.find(({ name }) => name === "shape")!;
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

const shaders = linkShaders(here);
const files = [...new Set(shaders.flatMap((s) => s.sources.map(([path]) => path)))].sort();
/**
 * The text of a file for bundles: without comments, which are half of an app's download, and with all its lines, so
 * that a compiler's message still tells the line of the file.
 */
const bundled = (path: string): string =>
  JSON.stringify(readFileSync(join(here, path), "utf8").replace(/ *\/\/.*$/gm, ""));
const nameOf = (path: string): string =>
  `${basename(path, ".wgsl")}_${path.startsWith("lib/") ? "lib" : "file"}`;
const text = [
  "// Made by shaders/generate.ts from shaders/**/*.wgsl; not edited by hand.",
  'import type { Kernel } from "./kernel.ts";',
  // Once each, though many kernels may be linked from it: it is most of an app's download.
  ...files.map((path) => `const ${nameOf(path)} = ${bundled(path)};`),
  ...shaders.flatMap((shader) => {
    const wgsl = shader.sources.map(([path]) => nameOf(path)).join(", ");
    // A sum of variables would stay in bundles that do not use it: bundlers cannot know that it calls nothing.
    return [`const ${shader.name}_wgsl = /* @__PURE__ */ [${wgsl}].join("");`, ...describeShader(shader)];
  }),
  "",
].join("\n");
writeFileSync(join(root, "src/kernel/shaders.gen.ts"), text);

const hash = createHash("sha256");
for (const { wgsl } of shaders) hash.update(wgsl);
const hashText = [
  "// Made by shaders/generate.ts from shaders/**/*.wgsl; not edited by hand.",
  "/** Changes with any shader: measurements of other texts do not count. */",
  `export const SHADERS_HASH = "${hash.digest("hex").slice(0, 12)}";`,
  "",
].join("\n");
writeFileSync(join(root, "src/kernel/shaders-hash.gen.ts"), hashText);

/** Layouts of the structs that the host writes: those that kernels bind, one of them at a time. */
const layouts = shaders.flatMap(({ wgsl }) => {
  const { uniforms, storage } = new WgslReflect(wgsl);
  return [...uniforms, ...storage].flatMap(({ name, type, members }) => {
    if (!type.isStruct || !members || name === "shape") return [];
    const fields = members.map(
      (member) => `${member.name}: { offset: ${member.offset}, type: "${member.type.getTypeName()}" }`,
    );
    const layout = `{ size: ${type.size}, fields: { ${fields.join(", ")} } }`;
    return [`export const ${type.name} = ${layout} as const satisfies StructLayout;`];
  });
});
const structsText = [
  "// Made by shaders/generate.ts from shaders/**/*.wgsl; not edited by hand.",
  'import type { StructLayout } from "./args.ts";',
  ...new Set(layouts),
  "",
].join("\n");
writeFileSync(join(root, "src/kernel/structs.gen.ts"), structsText);

// The same texts as files, which the package ships as webgraft/wgsl/*.
const out = join(root, "dist/wgsl");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const shader of shaders) writeFileSync(join(out, `${shader.name}.wgsl`), shader.wgsl);
