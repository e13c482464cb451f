import { expect, it } from "vitest";
import { decodeSafetensors } from "webgraft";

it("the README's training code trains", async () => {
  const { checkpoint } = await import("virtual:readme/train");
  const { tensors, metadata } = decodeSafetensors(checkpoint, "README");
  expect(metadata.step).toBe("6");
  expect(tensors.get("fc.weight")!.shape).toEqual([10, 6272]);
});

it("the README's kernel code convolves", async () => {
  const { device, y } = await import("virtual:readme/kernel");
  const staging = device.createBuffer({
    size: y.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(y, 0, staging, 0, y.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [corner, edge] = new Float32Array(staging.getMappedRange()).filter((_, i) => i % 32 === 0);
  // Ones times halves: 2×2 taps of 16 channels at the corner, 2×3 at the edge.
  expect([corner, edge]).toEqual([32, 48]);
  device.destroy();
});
