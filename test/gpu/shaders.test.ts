import { describe, expect, it } from "vitest";
import { ShaderError } from "../../src/base/errors.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { halfBindings, withHalf } from "../../src/kernel/half.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import * as shaders from "../../src/kernel/shaders.gen.ts";
import { createModel } from "../../src/models/index.ts";
import { programOf } from "../support/models/programs.ts";
import { testGpu } from "../support/run/gpu.ts";

const kernels: readonly Kernel[] = Object.values(shaders);
const { capabilities } = await testGpu();

// That all kernels compile on this device is shown by the tests of ops, which launch each of them: see
// test/static/ops/declarations.test.ts.
describe("kernels on this device", () => {
  it("are refused by a device that was requested without the features that they need", async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const plain = new Gpu(await adapter!.requestDevice(), adapter!.info);
    const halves = kernels.flatMap((kernel) => {
      const names = halfBindings(kernel);
      return names.length > 0 ? [withHalf(kernel, names)] : [];
    });
    const demanding = [...kernels.filter(({ features }) => features.length > 0), ...halves];
    expect(new Set(demanding.flatMap(({ features }) => features)).size).toBeGreaterThan(1);
    try {
      for (const kernel of demanding) {
        // Every constant that has no default; 1 is a sound extent and a sound flag.
        const required = Object.entries(kernel.constants).filter(([, needed]) => needed);
        const constants = Object.fromEntries(required.map(([name]) => [name, 1]));
        await expect(plain.pipelines.compile(kernel, constants), kernel.name).rejects.toThrow(ShaderError);
      }
    } finally {
      plain.destroy();
    }
  });

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
