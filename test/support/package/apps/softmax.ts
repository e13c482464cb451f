/** One kernel of several files in an app's own compute pass. */
import { fold, prepareKernel, softmax_forward } from "webgraft/kernels";

async function run(): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const kernel = await prepareKernel(device, softmax_forward, { N: 8, K: 10 });
  const buffer = () => device.createBuffer({ size: 8 * 12 * 4, usage: GPUBufferUsage.STORAGE });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  kernel.encode(pass, { x: buffer(), y: buffer() }, fold(8));
  pass.end();
  device.queue.submit([encoder.finish()]);
}
void run();
