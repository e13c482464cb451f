/** One op in an app's own compute pass. */
import { prepareOp, softmaxOp } from "webgraft/kernels";

async function run(): Promise<void> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const softmax = await prepareOp(device, softmaxOp, { x: [8, 10] }, {});
  const buffer = (name: "x" | "y") =>
    device.createBuffer({ size: softmax.bytes(name), usage: GPUBufferUsage.STORAGE });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  softmax.encode(pass, { x: buffer("x"), y: buffer("y") });
  pass.end();
  device.queue.submit([encoder.finish()]);
}
void run();
