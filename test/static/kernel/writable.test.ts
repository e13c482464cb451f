import { expect, it } from "vitest";
import { ShaderError } from "../../../src/base/errors.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { writable } from "../../../src/kernel/writable.ts";

const { add_forward } = shaders;

it("a kernel whose inputs are bound to be written differs in the lines that declare them", () => {
  const kernel = writable(add_forward, ["b"]);
  expect(kernel.name).toBe("add_forward_writable_b");
  expect(kernel.bindings.map(({ access }) => access)).toEqual(["read", "read_write", "read_write"]);
  const before = add_forward.wgsl.split("\n");
  const changed = kernel.wgsl.split("\n").filter((line, i) => line !== before[i]);
  expect(changed).toEqual(["@group(0)@binding(1)var<storage, read_write> b:array<b4>;"]);
  expect(writable(add_forward, ["b"])).toBe(kernel);
});

it("no such kernel is made of a text that lacks the declaration", () => {
  const wgsl = add_forward.wgsl.replace("var<storage,read>b:", "var<storage,read,>b:");
  expect(() => writable({ ...add_forward, wgsl }, ["a", "b"])).toThrow(
    new ShaderError(
      'add_forward: "var<storage, read> b:" must occur exactly once to be replaced — found 0 times',
    ),
  );
});
