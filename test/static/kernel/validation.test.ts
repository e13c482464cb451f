/** All kernels, and those derived from them, through Chrome's shader compiler, on a backend that has no GPU. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { create } from "webgpu";
import { ShaderError } from "../../../src/base/errors.ts";
import { Pipelines } from "../../../src/gpu/pipelines.ts";
import { KERNEL_FEATURES } from "../../../src/kernel/constants.gen.ts";
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { writable } from "../../../src/kernel/writable.ts";
import { variationsOf } from "../../../src/ops/conv/variations.ts";
import { isTiled } from "../../bench/model/work.ts";

const kernels: readonly Kernel[] = Object.values(shaders);

/** The kernel with f16 in all bindings that may hold it, if there are any. */
function halves(kernel: Kernel): Kernel[] {
  const names = halfBindings(kernel);
  return names.length > 0 ? [withHalf(kernel, names)] : [];
}

/** What measuring may prefer to the kernel, as far as the device has the features. */
function varied(kernel: Kernel): Kernel[] {
  if (!isTiled(kernel)) return [];
  const changed = variationsOf(kernel).flatMap(({ derived }) => (derived ? [derived(kernel)] : []));
  return changed.filter(({ features }) => features.every((feature) => device.features.has(feature)));
}

/** The kernel with all bindings that it reads declared to be written too, if it reads any. */
function writables(kernel: Kernel): Kernel[] {
  const names = kernel.bindings.filter(({ access }) => access === "read").map(({ name }) => name);
  return names.length > 0 ? [writable(kernel, names)] : [];
}

/** Every override without a default gets 1, a sound extent and a sound flag. */
const constantsOf = ({ constants }: Kernel): Record<string, number> =>
  Object.fromEntries(
    Object.entries(constants)
      .filter(([, required]) => required)
      .map(([name]) => [name, 1]),
  );

/** Whatever is made of it dies with it, so it is kept. */
const gpu = create(["backend=null"]);
let device: GPUDevice;
let pipelines: Pipelines;
const uncaptured: string[] = [];

beforeAll(async () => {
  const adapter = await gpu.requestAdapter();
  device = await adapter!.requestDevice({ requiredFeatures: [...KERNEL_FEATURES, "shader-f16"] });
  device.addEventListener("uncapturederror", ({ error }) => uncaptured.push(error.message));
  pipelines = new Pipelines({ device, check() {} });
});
afterAll(() => device.destroy());

describe("kernels are valid", () => {
  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s", async (_, kernel) => {
    const derived = [kernel, ...halves(kernel)];
    for (const each of [...derived, ...derived.flatMap(writables), ...varied(kernel)]) {
      await pipelines.compile(each, constantsOf(each));
    }
    expect(uncaptured).toEqual([]);
  });

  it("and a broken one is refused, with the file and the line", async () => {
    const broken = (wgsl: string): Kernel => ({ ...shaders.add_forward, wgsl });
    const text = shaders.add_forward.wgsl;
    const unknown = broken(text.replace("fn activate(", "fn activate_no_more("));
    await expect(pipelines.compile(unknown, constantsOf(unknown))).rejects.toThrow(
      /add_forward: shaders\/elementwise\/add_forward\.wgsl:\d+:\d+: .*activate/,
    );
    const inLib = broken(
      text.replace("fn pad4(x: u32) -> u32 {", "fn pad4(x: u32) -> u32 { let y: f32 = x;"),
    );
    await expect(pipelines.compile(inLib, constantsOf(inLib))).rejects.toThrow(
      /shaders\/lib\/core\/index\.wgsl:\d+:\d+/,
    );
    // The text is right, but not what the host believes to be bound.
    const misdescribed: Kernel = {
      ...shaders.add_forward,
      wgsl: `${text} `,
      bindings: shaders.add_forward.bindings.slice(1),
    };
    await expect(pipelines.compile(misdescribed, constantsOf(misdescribed))).rejects.toThrow(ShaderError);
  });
});
