/** The least kernel in an app's own compute pass. No `await` at the top, for which webpack adds 0.5 kB of its own. */
import { accumulate, fold, prepareKernel } from "webgraft/kernels";

async function run(): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const kernel = await prepareKernel(device, accumulate, { LENGTH: 24, ACCUMULATE: 1 });
  const buffer = () => device.createBuffer({ size: 8 * 12 * 4, usage: GPUBufferUsage.STORAGE });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  kernel.encode(pass, { x: buffer(), y: buffer() }, fold(1));
  pass.end();
  device.queue.submit([encoder.finish()]);
}
void run();
