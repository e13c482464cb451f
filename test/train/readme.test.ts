import { afterEach, expect, it, vi } from "vitest";
import { createModel, decodeSafetensors, encodeSafetensors, type FolderIndex } from "webgraft";
import { seededWeights } from "../support/data/seeded.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;

afterEach(() => vi.unstubAllGlobals());

it("the README's training code trains", async () => {
  const { checkpoint } = await import("virtual:readme/train");
  const { tensors, metadata } = decodeSafetensors(checkpoint, "README");
  expect(metadata.step).toBe("6");
  expect(tensors.get("fc.weight")!.shape).toEqual([10, 6272]);
});

it("the README's code loads the stages that it has of a published ResNet-50, and reads no more", async () => {
  const names = new URL("../support/fixtures/weights/names.json", import.meta.url);
  const { resnet50 } = (await (await fetch(names)).json()) as { resnet50: { torchvision: Shapes } };
  // A file of these names in alphabetical order, as they are published, of zeros that nobody keeps.
  let length = 0;
  const header = new TextEncoder().encode(
    JSON.stringify(
      Object.fromEntries(
        Object.entries(resnet50.torchvision)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, shape]) => {
            const begin = length;
            length += shape.reduce((product, extent) => product * extent, 4);
            return [name, { dtype: "F32", shape, data_offsets: [begin, length] }];
          }),
      ),
    ),
  );
  const start = 8 + header.length;
  const beginning = new Uint8Array(start);
  new DataView(beginning.buffer).setBigUint64(0, BigInt(header.length), true);
  beginning.set(header, 8);
  let sent = 0;
  vi.stubGlobal("fetch", async (url: string, { headers }: { headers: { range: string } }) => {
    expect(url).toBe("https://huggingface.co/timm/resnet50.tv_in1k/resolve/main/model.safetensors");
    const [begin, last] = headers.range.match(/\d+/g)!.map(Number) as [number, number];
    const part = new Uint8Array(last + 1 - begin);
    part.set(beginning.subarray(begin, last + 1));
    sent += part.length;
    const range = `bytes ${begin}-${last}/${start + length}`;
    return new Response(part, { status: 206, headers: { "content-range": range } });
  });
  const { report, gpu } = await import("virtual:readme/weights");
  gpu.destroy();
  const published = Object.keys(resnet50.torchvision);
  const isCut = (name: string): boolean => /^(layer4|fc)\./.test(name);
  expect(report.unexpected.toSorted()).toEqual(published.filter(isCut).toSorted());
  expect(report.loaded.toSorted()).toEqual(
    published
      .filter((name) => !isCut(name))
      .map((name) => `resnet.${name}`)
      .toSorted(),
  );
  expect([report.missing, report.mismatched]).toEqual([[], []]);
  // ResNet-50 has 25.6 million numbers, 8.5 million of them before stage 4.
  expect(sent / length).toBeLessThan(0.35);
});

it("the README's code fine-tunes on images of one's own", async () => {
  const classes = ["red", "green", "blue", "white", "black"];
  const picture = async (label: number): Promise<Blob> => {
    const canvas = new OffscreenCanvas(40, 50);
    const context = canvas.getContext("2d")!;
    context.fillStyle = classes[label]!;
    context.fillRect(0, 0, 40, 50);
    return canvas.convertToBlob();
  };
  const labelled = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ name: `${i}.png`, label: i % classes.length }));
  const index: FolderIndex = { name: "pets", classes, train: labelled(16), test: labelled(5) };
  const whole = createModel("resnet18", { inputShape: [32, 32, 3], classes: 1000 });
  const weights = encodeSafetensors(seededWeights(whole, 1));
  vi.stubGlobal("fetch", async (url: string) => {
    if (url.endsWith("/resnet18.safetensors")) return new Response(weights);
    if (url === "/pets/index.json") return new Response(JSON.stringify(index));
    const [, split, number] = /^\/pets\/(train|test)\/(\d+)$/.exec(url)!;
    return new Response(await picture(index[split as "train" | "test"][Number(number)]!.label));
  });
  const { history, trainer, gpu } = await import("virtual:readme/finetune");
  const losses = history.steps.map(({ loss }) => loss);
  expect(losses.length).toBe(4);
  expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  expect(trainer.step).toBe(4);
  gpu.destroy();
});

it("the training page's code trains a network of two inputs and two outputs", async () => {
  const { history, trainer, loss, metrics, distance, gpu } = await import("virtual:readme/networks");
  expect(trainer.weights.filter(({ name }) => name === "conv.weight").length).toBe(1);
  expect(history.epochs.length).toBe(4);
  expect(metrics.top2).toBe(Math.max(...history.epochs.map((epoch) => epoch.metrics.top2)));
  expect(loss).toBeGreaterThan(0);
  expect(distance.length).toBe(24);
  gpu.destroy();
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
