import { describe, expect, expectTypeOf, it } from "vitest";
// The package's default entry is a CommonJS bundle that Node cannot import names from.
import { Override, WgslParser, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { ShaderError } from "../../../src/base/errors.ts";
import { defineKernel } from "../../../src/kernel/define/define.ts";
import { readEntryPoints } from "../../../src/kernel/define/read.ts";
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";

const kernels: readonly Kernel[] = Object.values(shaders);

const elementName = (type: { format?: { getTypeName(): string } | null; getTypeName(): string }): string =>
  (type.format ?? type).getTypeName();

/** What another reader finds in a kernel's text; the constants are all of the file's. */
function reflected({ wgsl, entryPoint }: Kernel) {
  const reflect = new WgslReflect(wgsl);
  const entry = reflect.entry.compute.find(({ name }) => name === entryPoint)!;
  const resources = [...new Map(entry.resources.map((each) => [each.name, each])).values()];
  const own = resources.filter(({ group }) => group === 0).sort((a, b) => a.binding - b.binding);
  const bindings = own.filter(({ name }) => name !== "args");
  const args = reflect.uniforms.find(({ name }) => name === "args" && own.some((each) => each.name === name));
  const constants = new Map<string, boolean>();
  for (const node of new WgslParser().parse(wgsl)) {
    if (node instanceof Override) constants.set(node.name, node.value === null || node.value === undefined);
  }
  return {
    bindings: bindings.map(({ name, access, type }) => [name, access, elementName(type)]),
    args: Object.fromEntries((args?.members ?? []).map(({ name, type }) => [name, type.getTypeName()])),
    argsAt: args ? own.findIndex(({ name }) => name === "args") : bindings.length,
    live: resources.some(({ group }) => group === 1),
    constants,
  };
}

describe("the interface of a kernel", () => {
  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))(
    "%s is as wgsl_reflect reads it",
    (_, kernel) => {
      const { constants, ...expected } = reflected(kernel);
      const { bindings, args, argsAt = bindings.length, live } = kernel;
      const found = { args, argsAt, live, bindings: bindings.map((b) => [b.name, b.access, b.element]) };
      expect(found).toEqual(expected);
      for (const [name, required] of Object.entries(kernel.constants))
        expect(constants.get(name)).toBe(required);
      const words = kernel.wgsl.replace(/^override.*$/gm, "").match(/\w+/g)!;
      for (const name of constants.keys()) {
        if (!(name in kernel.constants)) expect(words.filter((word) => word === name).length).toBeLessThan(3);
      }
    },
  );

  it("names elements that may be f16 after their binding, so that it is made of them", () => {
    for (const { name, wgsl, bindings } of kernels) {
      for (const binding of bindings) {
        const [, type] = new RegExp(`>${binding.name}:array<(\\w+)>;`).exec(wgsl) ?? [];
        const isAlias = new RegExp(`^alias ${type}=(vec4f|f32);$`, "m").test(wgsl);
        expect(binding.alias, `${name}: ${binding.name}`).toBe(isAlias ? type : undefined);
      }
    }
  });
});

const LEAKY = /* wgsl */ `
// y = x, or x times SLOPE; what a comment says is no declaration: override GONE: u32; var<storage, read> gone: u32;
enable subgroups;
override SLOPE: f32 = 0.5;
override LENGTH: u32;
const SIZE = 32u;
struct Args { FIRST: u32, SHIFT: i32 }
alias x4 = vec4f;
alias Four = vec4f;

@group(0) @binding(0) var<storage, read> x: array<x4>;
@binding(1) @group(0)
var<storage, read_write> y: array<Four>;
@group(0) @binding(2) var<uniform> args: Args;
/* @group(0) @binding(3) var<storage> z: u32; */

fn leak(x: vec4f) -> vec4f { return max(x, SLOPE * x) * f32(args.SHIFT); }

@compute @workgroup_size(SIZE, 2)
fn leaky(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < LENGTH) { y[id.x] = leak(vec4f(x[args.FIRST + id.x])); }
}`;

describe("defineKernel", () => {
  it("reads name, bindings, constants, args, features and workgroup size from the text", () => {
    expect(defineKernel(LEAKY)).toEqual({
      ...{
        name: "leaky",
        entryPoint: "leaky",
        wgsl: LEAKY,
        sources: [],
        features: ["subgroups"],
        live: false,
      },
      bindings: [
        { name: "x", access: "read", element: "vec4f", alias: "x4" },
        { name: "y", access: "read_write", element: "vec4f" },
      ],
      constants: { SLOPE: false, LENGTH: true },
      args: { FIRST: "u32", SHIFT: "i32" },
      workgroupSize: [32, 2, 1],
    });
    const half = withHalf(defineKernel(LEAKY), halfBindings(defineKernel(LEAKY)));
    expect(half.wgsl).toContain("alias x4 = vec4<f16>;");
  });

  it("reads every linked kernel as the generator has it", () => {
    for (const { name, wgsl, sources, ...rest } of kernels) {
      const { variant, slots, numbers, features, ...entry } = rest as typeof rest & Record<string, unknown>;
      const read = readEntryPoints(name, wgsl).find(({ entryPoint }) => entryPoint === entry.entryPoint)!;
      expect({ ...read, features: [] }, name).toEqual({ ...entry, features: [] });
      expect(new Set(read.features)).toEqual(new Set(features));
    }
  });

  it("knows its names to TypeScript", () => {
    const kernel = defineKernel(LEAKY);
    expectTypeOf<KernelBindings<typeof kernel, 1>>().toEqualTypeOf<{ readonly x: 1; readonly y: 1 }>();
    type Constants = KernelConstants<typeof kernel>;
    expectTypeOf<{ LENGTH: 1; FIRST: 0; SHIFT: 2 }>().toExtend<Constants>();
    expectTypeOf<{ LENGTH: 1; FIRST: 0; SHIFT: 2; SLOPE: 1 }>().toExtend<Constants>();
    expectTypeOf<{ FIRST: 0; SHIFT: 2 }>().not.toExtend<Constants>();
    expectTypeOf<keyof Constants>().toEqualTypeOf<"SLOPE" | "LENGTH" | "FIRST" | "SHIFT">();
    expectTypeOf(kernel.live).toEqualTypeOf<false>();
    // Of a text that is made as the app runs, nothing is known before.
    expectTypeOf(defineKernel(LEAKY as string)).toEqualTypeOf<Kernel>();
  });

  const refused: [string, string, string, string][] = [
    [
      "a binding that is skipped",
      "@binding(1)",
      "@binding(5)",
      "leaky: line 14: args must be @binding(1): they count from 0",
    ],
    ["two with one number", "@binding(1)", "@binding(0)", "leaky: line 12: y must be @binding(1)"],
    [
      "a uniform of another name",
      "args",
      "numbers",
      'leaky: line 14: numbers must be var<storage, …>, or the uniform "args"',
    ],
    [
      "a texture",
      "var<storage, read> x: array<x4>",
      "var x: texture_2d<f32>",
      "leaky: line 11: x must be var<storage, …>",
    ],
    [
      "another group",
      "@group(0) @binding(0)",
      "@group(2) @binding(0)",
      "leaky: line 11: x must be in @group(0); the live scalars",
    ],
    [
      "args that are no numbers",
      "SHIFT: i32",
      "SHIFT: vec2f",
      "leaky: line 7: SHIFT of args must be f32, u32 or i32, not vec2f",
    ],
    [
      "a size by override",
      "SIZE, 2",
      "LENGTH, 2",
      "leaky: line 19: LENGTH must be a number, or a const that is one",
    ],
    [
      "a numbered override",
      "override SLOPE",
      "@id(7) override SLOPE",
      "leaky: line 4: override SLOPE must go by its name, not by @id",
    ],
    [
      "an unknown feature",
      "enable subgroups",
      "enable warp_speed",
      "leaky: line 3: enables warp_speed, not one of f16, subgroups",
    ],
    [
      "no entry point",
      "@compute @workgroup_size(SIZE, 2)",
      "",
      "defineKernel: the text must have one entry point, @compute @workgroup_size(…) fn NAME(…) — found none",
    ],
  ];
  it.each(refused)("refuses %s, with the line", (_, before, after, message) => {
    const text = LEAKY.replaceAll(before, after);
    expect(text).not.toBe(LEAKY);
    expect(() => defineKernel(text)).toThrow(ShaderError);
    expect(() => defineKernel(text)).toThrow(message);
  });

  it("has bindings that it does not use, as its text says", () => {
    const text = LEAKY.replace("vec4f(x[args.FIRST + id.x])", "vec4f(f32(args.FIRST))");
    expect(defineKernel(text).bindings.map(({ name }) => name)).toEqual(["x", "y"]);
  });

  it("refuses a second entry point", () => {
    const text = `${LEAKY}\n@compute @workgroup_size(1) fn other() {}`;
    expect(() => defineKernel(text)).toThrow("found leaky, other");
  });
});
