import { describe, expect, it } from "vitest";
import { ShaderError } from "../../src/base/errors.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import * as shaders from "../../src/kernel/shaders.gen.ts";
import { createModel } from "../../src/models/index.ts";
import { programOf } from "../support/models/programs.ts";
import { testGpu } from "../support/run/gpu.ts";

const kernels: readonly Kernel[] = Object.values(shaders);
const { capabilities } = await testGpu();

describe("kernels compile on this device", () => {
  for (const kernel of kernels) {
    const lacking = kernel.features.filter((feature) => !capabilities.features.includes(feature));
    it(`${kernel.name}${lacking.length > 0 ? ` is refused without ${lacking.join()}` : ""}`, async () => {
      // Every constant that has no default; 1 is a sound extent and a sound flag.
      const required = Object.entries(kernel.constants).filter(([, needed]) => needed);
      const constants = Object.fromEntries(required.map(([name]) => [name, 1]));
      const pipeline = (await testGpu()).pipelines.compile(kernel, constants);
      if (lacking.length > 0) await expect(pipeline).rejects.toThrow(ShaderError);
      else await pipeline;
    });
  }

  // The other topologies compile, small, where they train: test/train/topologies.test.ts.
  it.each(["interleaved", "convnet"])("with every set of constants that %s needs", async (name) => {
    const { pipelines } = await testGpu();
    for (const mode of ["train", "eval"] as const) {
      for (const device of [undefined, capabilities]) {
        const { dispatches } = programOf(createModel(name), 32, mode, { device });
        await Promise.all(dispatches.map(({ kernel, constants }) => pipelines.compile(kernel, constants)));
      }
    }
  });

  it("a shader error names the source file and line", async () => {
    const gpu = await testGpu();
    const kernel: Kernel = {
      name: "broken",
      entryPoint: "main",
      wgsl: "@compute @workgroup_size(1)\nfn main() {\n}\nfn helper() -> u32 {\n  return nonsense;\n}\n",
      sources: [
        ["broken.wgsl", 1],
        ["lib/helper.wgsl", 4],
      ],
      bindings: [],
      features: [],
      live: false,
      constants: {},
      args: {},
      workgroupSize: [1, 1, 1],
    };
    await expect(gpu.pipelines.compile(kernel, {})).rejects.toThrow(
      /^broken: shaders\/lib\/helper\.wgsl:2:\d+: /,
    );
  });
});
