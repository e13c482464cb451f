/**
 * Compiles kernels by Dawn, Chrome's WebGPU, and exits. `compile.ts` starts it on a Vulkan driver that prints what it
 * makes of them. Argument: JSON, names of kernels and `Changes`.
 */
import { writeSync } from "node:fs";
import { create, globals } from "webgpu";
import { openDevice } from "../../../../src/gpu/device.ts";
import { type Changes, derived, kernelsNamed, launchConstants } from "../kernels.ts";

const { names, changes } = JSON.parse(process.argv[2]!) as { names: string[]; changes: Changes };
Object.assign(globalThis, globals);
const gpu = create(["backend=vulkan"]); // held to the end: Dawn goes with it
const { device, capabilities } = await openDevice({ gpu });
const subgroupSize = changes.subgroupSize ?? capabilities.subgroupSize;
// In one stream with what the driver prints; stdout tells how far it is.
const say = (text: string) => writeSync(2, `\n@@${text}\n`);
say(`ADAPTER ${device.adapterInfo.description}`);
for (const kernel of kernelsNamed(names)) {
  const { name } = kernel;
  writeSync(1, `${name}\n`);
  say(`BEGIN ${name}`);
  try {
    const module = device.createShaderModule({ code: derived(kernel, changes, subgroupSize).wgsl });
    const compute = { module, constants: launchConstants(kernel) };
    await device.createComputePipelineAsync({ layout: "auto", compute });
  } catch (error) {
    say(`ERROR ${String((error as Error).message).split("\n")[0]}`);
  }
  say("END");
}
process.exit(0); // without giving the device back: a driver without hardware cannot wait for it
