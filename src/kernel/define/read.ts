/**
 * Reads the interface of a kernel from its WGSL: for the library's own, when they are generated, and for those of apps
 * in the browser. Only declarations are read; whether the rest is sound is for the device's compiler to say.
 */
import { ShaderError } from "../../base/errors.ts";
import type { Kernel, KernelBinding } from "../kernel.ts";

/** What is read of an entry point. */
export type EntryPoint = Omit<Kernel, "name" | "wgsl" | "sources">;

/** WebGPU's names of the features that WGSL enables in compute shaders. */
export const FEATURES: Readonly<Record<string, string>> = {
  f16: "shader-f16",
  subgroups: "subgroups",
  subgroup_size_control: "subgroup-size-control",
};

/** The uniform that holds a kernel's numbers. */
const ARGS = "args";
const ATTRIBUTES = String.raw`((?:@\w+(?:\s*\([^)]*\))?\s*)*)`;

/**
 * The entry points of a text, whose `name` errors begin with. Throws ShaderError, with the line, for what a launch of a
 * kernel has no place for.
 */
export function readEntryPoints(name: string, wgsl: string): readonly EntryPoint[] {
  // Blanks in place of comments: every character stays where it is.
  const code = wgsl.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/./g, " "));
  const all = (pattern: string) => [...code.matchAll(new RegExp(pattern, "g"))];
  const refuse = (at: number, reason: string): never => {
    throw new ShaderError(`${name}: line ${code.slice(0, at).split("\n").length}: ${reason}`);
  };

  const aliases = new Map(
    all(String.raw`\balias\s+(\w+)\s*=\s*([^;]+);`).map(([, alias, type]) => [alias!, type!.trim()]),
  );
  /** The number that an attribute holds, by itself or as the name of a constant. */
  const number = (text: string, at: number): number => {
    const [, value = text] =
      new RegExp(String.raw`\bconst\s+${text}\s*(?::\s*u32\s*)?=\s*(\d+)`).exec(code) ?? [];
    return /^\d+[ui]?$/.test(value)
      ? Number.parseInt(value, 10)
      : refuse(at, `${text} must be a number, or a const that is one`);
  };
  const argument = (attributes: string, attribute: string): string | undefined =>
    new RegExp(String.raw`@${attribute}\s*\(([^)]*)\)`).exec(attributes)?.[1]?.trim();

  const overrides = all(String.raw`${ATTRIBUTES}\boverride\s+(\w+)([^;]*);`).map((found) => {
    if (found[1]) refuse(found.index, `override ${found[2]} must go by its name, not by @id`);
    return { name: found[2]!, required: !found[3]!.includes("=") };
  });
  const resources = all(String.raw`${ATTRIBUTES}\bvar\s*(<[^>]*>)?\s*(\w+)\s*:\s*([^;=]+);`).flatMap(
    (found) => {
      const [, attributes, space = "", variable, declared] = found as unknown as string[];
      const group = argument(attributes!, "group");
      if (!group) return [];
      const isUniform = /^<\s*uniform/.test(space);
      const at = found.index;
      if (isUniform ? group === "0" && variable !== ARGS : !/^<\s*storage/.test(space)) {
        refuse(at, `${variable} must be var<storage, …>, or the uniform "${ARGS}" that holds all numbers`);
      }
      if (group !== "0" && !(isUniform && group === "1")) {
        refuse(at, `${variable} must be in @group(0); the live scalars are a uniform in @group(1)`);
      }
      const [, inner = declared!] = /^array\s*<\s*(.*?)\s*(?:,\s*\w+\s*)?>$/.exec(declared!.trim()) ?? [];
      let element = inner.trim();
      for (let type = aliases.get(element); type; type = aliases.get(type)) element = type;
      // Which arithmetic leaves alone, so that it may be f16.
      const isOwn =
        (element === "vec4f" && inner === `${variable}4`) || (element === "f32" && inner === `${variable}1`);
      const binding: KernelBinding = {
        name: variable!,
        access: /read_write/.test(space) ? "read_write" : "read",
        element,
        ...(isOwn && aliases.has(inner) && { alias: inner }),
      };
      const place = number(argument(attributes!, "binding") ?? "", at);
      return [{ binding, place, group, at, type: declared!.trim() }];
    },
  );

  /** What the declarations name, by what they declare; a parameter hides what else has its name. */
  const named = new Map<string, Set<string>>();
  const words = (text: string): string[] => text.match(/(?<![.\w])[A-Za-z_]\w*/g) ?? [];
  for (const [, declared, text] of all(String.raw`\b(?:override|const)\s+(\w+)([^;]*);`)) {
    named.set(declared!, new Set(words(text!)));
  }
  for (const found of all(String.raw`\bfn\s+(\w+)\s*\(`)) {
    const begin = code.indexOf("{", found.index);
    const [header, body] = [code.slice(found.index, begin), bodyAt(code, begin)];
    const uses = new Set(words(body));
    for (const [, parameter] of header.matchAll(/(\w+)\s*:/g)) uses.delete(parameter!);
    named.set(found[1]!, uses);
  }

  const features = all(String.raw`\benable\s+([^;]+);`).flatMap((found) =>
    found[1]!
      .split(",")
      .map(
        (feature) =>
          FEATURES[feature.trim()] ??
          refuse(found.index, `enables ${feature.trim()}, not one of ${Object.keys(FEATURES).join(", ")}`),
      ),
  );

  const entries = all(String.raw`${ATTRIBUTES}\bfn\s+(\w+)`).filter(([, attributes]) =>
    /@compute\b/.test(attributes!),
  );
  return entries.map((found): EntryPoint => {
    const [, attributes, entryPoint] = found as unknown as [string, string, string];
    const used = new Set([entryPoint]);
    // A set visits what is added to it on the way.
    for (const word of used) for (const next of named.get(word) ?? []) used.add(next);
    // Of several, each has those that it uses.
    const mine = resources.filter(({ binding }) => entries.length === 1 || used.has(binding.name));
    const own = mine.filter(({ group }) => group === "0").sort((a, b) => a.place - b.place);
    own.forEach(({ binding, place, at }, i) => {
      if (place !== i) refuse(at, `${binding.name} must be @binding(${i}): they count from 0 and skip none`);
    });
    const argsAt = own.findIndex(({ binding }) => binding.name === ARGS);
    const bindings = own.flatMap(({ binding }) => (binding.name === ARGS ? [] : [binding]));
    const size = argument(attributes, "workgroup_size") ?? refuse(found.index, "needs a @workgroup_size");
    const sizes = size.split(",").filter((text) => text.trim());
    return {
      entryPoint,
      bindings,
      features: [...new Set(features)],
      live: mine.some(({ group }) => group === "1"),
      constants: Object.fromEntries(
        overrides.filter((given) => used.has(given.name)).map((given) => [given.name, given.required]),
      ),
      args: argsAt < 0 ? {} : argsOf(own[argsAt]!.type),
      ...(argsAt >= 0 && argsAt < bindings.length && { argsAt }),
      workgroupSize: [0, 1, 2].map((i) => number(sizes[i]?.trim() ?? "1", found.index)) as [
        number,
        number,
        number,
      ],
    };
  });

  function argsOf(type: string): Kernel["args"] {
    const found = new RegExp(String.raw`\bstruct\s+${type}\s*\{([^}]*)\}`).exec(code);
    const fields = found ? [...found[1]!.matchAll(/(\w+)\s*:\s*([^,]*[^,\s])/g)] : [];
    return Object.fromEntries(
      fields.map(([, field, scalar]) =>
        /^(f32|u32|i32)$/.test(scalar!)
          ? [field!, scalar as "f32"]
          : refuse(found!.index, `${field} of ${ARGS} must be f32, u32 or i32, not ${scalar}`),
      ),
    );
  }
}

/** The text between the brace at `begin` and the one that closes it. */
function bodyAt(code: string, begin: number): string {
  let depth = 0;
  for (let i = begin; i < code.length; i++) {
    if (code[i] === "{") depth++;
    if (code[i] === "}" && --depth === 0) return code.slice(begin, i);
  }
  return code.slice(begin);
}
