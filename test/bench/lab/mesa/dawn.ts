/**
 * Compiles kernels by Dawn, Chrome's WebGPU, and exits. `compile.ts` starts it on a Vulkan driver that prints what it
 * makes of them. Argument: JSON, names of kernels and `Changes`.
 */
import { writeSync } from "node:fs";
import { create } from "webgpu";
import { type Changes, kernelsNamed, requiredConstants, textOf } from "../kernels.ts";

const { names, changes } = JSON.parse(process.argv[2]!) as { names: string[]; changes: Changes };
const gpu = create(["backend=vulkan"]); // held to the end: Dawn goes with it
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
if (!adapter)
  throw new Error("Dawn finds no adapter: has this Mesa heard of the GPU, and is libvulkan.so.1 there?");
// As the library does: what is there of what kernels may use.
const wanted = ["subgroups", "subgroup-size-control", "shader-f16"] as GPUFeatureName[];
const device = await adapter.requestDevice({
  requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
});
device.addEventListener("uncapturederror", () => {}); // compiling a pipeline says it itself
// In one stream with what the driver prints; stdout tells how far it is.
const say = (text: string) => writeSync(2, `\n@@${text}\n`);
say(`ADAPTER ${adapter.info.description}`);
for (const kernel of kernelsNamed(names)) {
  const { name } = kernel;
  writeSync(1, `${name}\n`);
  say(`BEGIN ${name}`);
  try {
    const module = device.createShaderModule({ code: textOf(kernel, changes) });
    await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module, constants: requiredConstants(kernel) },
    });
  } catch (error) {
    say(`ERROR ${String((error as Error).message).split("\n")[0]}`);
  }
  say("END");
}
process.exit(0); // without giving the device back: a driver without hardware cannot wait for it
