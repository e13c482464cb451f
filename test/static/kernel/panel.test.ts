import { describe, expect, it } from "vitest";
import { ShaderError } from "../../../src/base/errors.ts";
import { halfBindings, withHalf, withHalfPanel } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { conv2d_forward_variants } from "../../../src/kernel/variants.gen.ts";
import { VARIATIONS } from "../../../src/ops/conv/variations.ts";
import { isTiled } from "../../bench/model/work.ts";

const sharing = (Object.values(shaders) as Kernel[])
  .filter(isTiled)
  .filter(({ slots }) => slots.share === "workgroup");

describe("kernels that fill their panels in another way", () => {
  it.each([
    ["ahead", "const AHEAD = true;", ""],
    ["half_panel", "alias panel4 = vec4<f16>;", "enable f16;"],
  ] as const)("%s: differ in one declaration", (suffix, declaration, enabled) => {
    const change = VARIATIONS.find(({ name }) => name === suffix)!.derived!;
    expect(sharing.length).toBeGreaterThan(10);
    for (const kernel of sharing) {
      const changed = change(kernel);
      expect(change(kernel)).toBe(changed);
      expect(changed.name).toBe(`${kernel.name}_${suffix}`);
      expect(changed.features).toEqual([...kernel.features, ...(enabled ? ["shader-f16"] : [])]);
      const [lines, before] = [changed.wgsl.split("\n"), `${enabled}${kernel.wgsl}`.split("\n")];
      expect(lines.filter((line, i) => line !== before[i])).toEqual([declaration]);
    }
    const alone = conv2d_forward_variants.find(({ slots }) => slots.share === "none")!;
    expect(() => change(alone)).toThrow(ShaderError);
  });

  it("may have f16 in memory besides", () => {
    const [kernel] = conv2d_forward_variants;
    const both = withHalf(withHalfPanel(kernel), halfBindings(kernel));
    expect(both.wgsl).toContain("alias panel4 = vec4<f16>;");
    expect(both.wgsl).toContain("alias x4 = vec4<f16>;");
  });
});
