/** All kernels, and those derived from them, through Chrome's shader compiler, on a backend that has no GPU. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { create } from "webgpu";
import { ShaderError } from "../../../src/base/errors.ts";
import { matrixUnits } from "../../../src/gpu/matrix-units.ts";
import { Pipelines } from "../../../src/gpu/pipelines.ts";
import { MATRIX_FEATURE } from "../../../src/kernel/capabilities.ts";
import { KERNEL_FEATURES } from "../../../src/kernel/constants.gen.ts";
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { writable } from "../../../src/kernel/writable.ts";
import { MATRIX_VARIATIONS } from "../../../src/ops/conv/matrix-variations.ts";
import { variationsOf } from "../../../src/ops/conv/variations.ts";
import { isTiled } from "../../bench/model/work.ts";
import { EMULATED } from "../../support/op/emulated-units.ts";

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
const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
let device: GPUDevice;
let pipelines: Pipelines;
const uncaptured: string[] = [];

beforeAll(async () => {
  const adapter = await gpu.requestAdapter();
  const more = ["shader-f16", "subgroup-size-control", MATRIX_FEATURE] as GPUFeatureName[];
  device = await adapter!.requestDevice({ requiredFeatures: [...KERNEL_FEATURES, ...more] });
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

  it.each(
    kernels
      .filter(isTiled)
      .filter((kernel) => MATRIX_VARIATIONS.every(({ of }) => of!(kernel)))
      .map((kernel) => [kernel.name, kernel] as const),
  )("%s by matrix units", async (_, kernel) => {
    const config = (componentType: string, side: number) => ({
      ...{ componentType, resultComponentType: "f32", M: side, N: side, K: side },
    });
    const subgroupMatrixConfigs = [config("f32", 8), config("f16", 8), config("f16", 16)];
    const units = matrixUnits({ subgroupMatrixConfigs } as unknown as GPUAdapterInfo);
    expect(units.map(({ element }) => element)).toEqual(["f32", "f16", "f16"]);
    const features = ["subgroup-size-control"];
    const sizes = [{ features }, { features, subgroupMaxSize: 64 }];
    const derived = [...units, EMULATED].flatMap(({ by }) => sizes.map((given) => by(kernel, given)));
    for (const each of derived.flatMap((one) => [one, ...halves(one)])) {
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
    const inLib = broken(text.replace("fn pad4(x:u32)->u32{", "fn pad4(x:u32)->u32{ let y: f32 = x;"));
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
