/**
 * Writes what the library knows of its .wgsl files to src/kernel/; every script of package.json that needs it runs this
 * first.
 *
 *   shaders.gen.ts       every linked kernel with its interface, so that a misspelt binding or constant is a compile error
 *   variants.gen.ts      the kernels of each file that has link lines, the best first
 *   constants.gen.ts     where the fields of structs lie that the host writes, so that nobody packs offsets by hand,
 *                        the numbers of activations and losses, the features that kernels want, and a snippet that takes
 *                        the place of others at run time
 *   shaders-hash.gen.ts  tells one set of texts from another
 *
 * and the linked texts to dist/wgsl/, which the package ships as webgraft/wgsl/*.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type LinkedShader, linkShaders } from "./link.ts";
import { entryPoints, structLayouts } from "./reflect.ts";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const shaders = linkShaders(here);
const sourceText = (path: string): string => readFileSync(join(here, path), "utf8");

function writeGenerated(file: string, lines: readonly string[]): void {
  const header = "// Made by shaders/generate.ts from shaders/**/*.wgsl; not edited by hand.";
  writeFileSync(join(root, "src/kernel", file), [header, ...lines, ""].join("\n"));
}

/** One entry point of one linked shader. */
interface Entry {
  readonly name: string;
  /** The name that it has in common with the other variants of its file and version. */
  readonly family: string;
  readonly isVariant: boolean;
  /** Paths of what it is linked from. */
  readonly files: readonly string[];
  /** Its other fields as a `Kernel`, in source text. */
  readonly fields: Readonly<Record<string, string>>;
}

function entriesOf(shader: LinkedShader): Entry[] {
  const { slots, numbers } = shader;
  const isVariant = Object.keys(slots).length > 0;
  const variant = {
    variant: JSON.stringify(Object.values(slots).join("_")),
    slots: JSON.stringify(slots),
    numbers: JSON.stringify(numbers),
  };
  return entryPoints(shader).map((entry): Entry => {
    const [name, family] = [shader.name, shader.family].map((whose) =>
      entry.name === "main" ? whose : `${whose}_${entry.name}`,
    ) as [string, string];
    const fields = { name: JSON.stringify(name), ...entry.fields, ...(isVariant && variant) };
    return { name, family, isVariant, files: shader.sources.map(([path]) => path), fields };
  });
}

const literal = (fields: Readonly<Record<string, string>>): string => {
  const lines = Object.entries(fields).map(([field, value]) => `  ${field}: ${value},\n`);
  return `{\n${lines.join("")}} as const`;
};

/** The name of the constant that holds a file's text. */
const nameOf = (path: string): string =>
  `${basename(path, ".wgsl")}_${path.startsWith("lib/") ? "lib" : "file"}`;

/** Declarations of the kernels of one file and one entry point: what its variants have in common is there once. */
function declare(family: string, entries: readonly Entry[]): string[] {
  const [first] = entries;
  const isCommon = (field: string): boolean =>
    first!.isVariant && entries.every(({ fields }) => fields[field] === first!.fields[field]);
  const pick = (fields: Entry["fields"], common: boolean) =>
    literal(Object.fromEntries(Object.entries(fields).filter(([field]) => isCommon(field) === common)));
  const common = first!.isVariant ? [`const ${family}_common = ${pick(first!.fields, true)};`] : [];
  const kernels = entries.map(({ name, isVariant, files, fields }) => {
    const parts = [
      `/* @__PURE__ */ joinFiles(${files.map(nameOf).join(", ")})`,
      ...(isVariant ? [`${family}_common`] : []),
      pick(fields, false),
    ];
    const type = isVariant ? "KernelVariant" : "Kernel";
    // A spread would stay in bundles that do not use it: some bundlers think that it may call something.
    return `export const ${name} = /* @__PURE__ */ Object.assign(${parts.join(", ")}) satisfies ${type};`;
  });
  return [...common, ...kernels];
}

const families = new Map<string, Entry[]>();
for (const entry of shaders.flatMap(entriesOf)) {
  families.set(entry.family, [...(families.get(entry.family) ?? []), entry]);
}
const files = [...new Set(shaders.flatMap(({ sources }) => sources.map(([path]) => path)))].sort();
/**
 * The text of a file for bundles: without comments and blanks, which are two thirds of it, and with all its lines, so that
 * a compiler's message still tells the line of the file. Blanks between two operators stay: some would become another one.
 */
const bundled = (path: string): string =>
  JSON.stringify(
    sourceText(path)
      .replace(/ *\/\/.*$/gm, "")
      .replace(/^ +/gm, "")
      .replace(/(?<=\w) (?=\W)|(?<=\W) (?=\w)|(?<=[(){}[\],;:]) | (?=[(){}[\],;:])/g, ""),
  );
writeGenerated("shaders.gen.ts", [
  'import { joinFiles } from "./join.ts";',
  'import type { Kernel, KernelVariant } from "./kernel.ts";',
  // Once each, though many kernels may be linked from it: it is most of an app's download.
  ...files.map((path) => `const ${nameOf(path)} = [${JSON.stringify(path)}, ${bundled(path)}] as const;`),
  ...[...families].flatMap(([family, entries]) => declare(family, entries)),
]);

const lists = [...families].filter(([, [first]]) => first!.isVariant);
writeGenerated("variants.gen.ts", [
  `import {\n${lists.flatMap(([, entries]) => entries.map(({ name }) => `  ${name},\n`)).join("")}} from "./shaders.gen.ts";`,
  ...lists.map(([family, entries]) => {
    const names = entries.map(({ name }) => name).join(", ");
    return `export const ${family}_variants = [${names}] as const;`;
  }),
]);

const RUN_TIME = "lib/share/share_matrix.wgsl";
const features = [...new Set(shaders.flatMap((shader) => shader.features))].sort();
/** The whole-number constants of a file, in lower case. */
const numbersOf = (path: string): string => {
  const constants = [...sourceText(path).matchAll(/^const (\w+) = (\d+)u;/gm)];
  return `{ ${constants.map(([, name, number]) => `${name!.toLowerCase()}: ${number}`).join(", ")} }`;
};
writeGenerated("constants.gen.ts", [
  'import type { StructLayout } from "./args.ts";',
  // Several shaders bind one struct; two structs of one name would be an error of the compiler.
  ...new Set(
    shaders
      .flatMap(structLayouts)
      .map(([name, layout]) => `export const ${name} = ${layout} as const satisfies StructLayout;`),
  ),
  "/** Optional features of WebGPU that some kernel wants. */",
  `export const KERNEL_FEATURES = ${JSON.stringify(features)} as const;`,
  "/** Numbers of activations in kernels. */",
  `export const ACTIVATIONS = ${numbersOf("lib/core/activation.wgsl")} as const;`,
  "/** Numbers of elementwise losses in kernels. */",
  `export const LOSSES = ${numbersOf("lib/core/losses.wgsl")} as const;`,
  "/** A snippet that no kernel is linked with: `src/gpu/matrix-units.ts` derives kernels with it. */",
  `export const SHARE_MATRIX = [${JSON.stringify(RUN_TIME)}, ${bundled(RUN_TIME)}] as const;`,
]);

const hash = createHash("sha256");
for (const { wgsl } of shaders) hash.update(wgsl);
hash.update(sourceText(RUN_TIME));
writeGenerated("shaders-hash.gen.ts", [
  "/** Changes with any shader: measurements of other texts do not count. */",
  `export const SHADERS_HASH = "${hash.digest("hex").slice(0, 12)}";`,
]);

const out = join(root, "dist/wgsl");
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const { name, wgsl } of shaders) writeFileSync(join(out, `${name}.wgsl`), wgsl);
