/** Images and frames as apps have them, as data sets. */
import { afterEach, expect, it, vi } from "vitest";
import {
  DataError,
  datasetFromImages,
  framesOf,
  type LabelledImage,
  type PixelImage,
  Preprocessor,
  type PreprocessorModel,
  Random,
  SourceLoader,
} from "webgraft";
import { testGpu } from "../support/run/gpu.ts";

afterEach(() => vi.unstubAllGlobals());

const model: PreprocessorModel = {
  inputShape: [8, 8, 3],
  preprocessing: { resize: 9, mode: "torch", mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] },
};

/** Opaque noise. */
function noise(seed: number, width = 24, height = 17): PixelImage {
  const random = new Random(seed, "pixels");
  const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : 256 * random.uniform(),
  );
  return { width, height, data };
}

function canvasOf({ width, height, data }: PixelImage): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const pixels = new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height);
  canvas.getContext("2d")!.putImageData(pixels, 0, 0);
  return canvas;
}

it("labelled pixels become a data set of what the model sees, in their order", async () => {
  const gpu = await testGpu();
  const pixels = Array.from({ length: 6 }, (_, i) => noise(i, 20 + i));
  const told: string[] = [];
  const data = await datasetFromImages(
    gpu,
    model,
    pixels.map((image, i) => ({ image, label: ["dog", "cat", "ape"][i % 3]! })),
    { name: "pets", onProgress: (done, total) => told.push(`${done}/${total}`) },
  );
  const preprocessor = await Preprocessor.create(gpu, model);
  const expected = await preprocessor.read(pixels);
  preprocessor.destroy();
  expect(data.images).toEqual(expected);
  expect([...data.labels]).toEqual([2, 1, 0, 2, 1, 0]);
  expect([data.name, data.classes, data.shape]).toEqual(["pets", ["ape", "cat", "dog"], [8, 8, 3]]);
  expect(data.batch(Uint32Array.of(4)).images).toEqual(expected.subarray(4 * 192, 5 * 192));
  expect(told).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
});

it("classes are those given, or as many as the model has", async () => {
  const gpu = await testGpu();
  const of = (labels: readonly (string | number)[], more = {}, classes?: number) =>
    datasetFromImages(
      gpu,
      { ...model, ...(classes !== undefined && { classes }) },
      labels.map((label) => ({ image: noise(1), label })),
      more,
    );
  expect((await of([1, 0], {}, 3)).classes).toEqual(["0", "1", "2"]);
  expect((await of([1, 0])).classes).toEqual(["0", "1"]);
  const given = await of(["b", 0], { classes: ["b", "a"] });
  expect([[...given.labels], given.classes]).toEqual([
    [0, 0],
    ["b", "a"],
  ]);
  await expect(of(["b", "c"], { classes: ["b", "a"] })).rejects.toThrow(
    'images: the label of image 1 is none of the classes — got "c", classes b, a',
  );
  await expect(of([0, 3], {}, 3)).rejects.toThrow("the label of image 1 is none of the classes — got 3");
  await expect(of([])).rejects.toThrow(DataError);
});

it("an image that cannot be used is named, and a signal ends it all", async () => {
  const gpu = await testGpu();
  const good = { image: noise(1), label: "a" };
  const bad = { image: { width: 2, height: 2, data: new Uint8Array(5) }, label: "b" };
  await expect(datasetFromImages(gpu, model, [good, good, bad])).rejects.toThrow(
    "images: image 2, of b, cannot be used — preprocess: 2×2 pixels take 4, 12 or 16 bytes — got 5 bytes",
  );
  const nothing = { image: null as unknown as PixelImage, label: "b" };
  await expect(datasetFromImages(gpu, model, [good, nothing])).rejects.toThrow(
    "image 1, of b, cannot be used — preprocess: expects an image — got null",
  );
  const controller = new AbortController();
  const stopped = datasetFromImages(gpu, model, Array(40).fill(good), {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  });
  await expect(stopped).rejects.toThrow("enough");
});

it("files, bitmaps, canvases and elements are the images that they show", async () => {
  const gpu = await testGpu();
  const pixels = noise(3);
  const canvas = canvasOf(pixels);
  const file = await canvas.convertToBlob({ type: "image/png" });
  const element = new Image();
  element.src = URL.createObjectURL(file); // Not loaded yet.
  const images: LabelledImage["image"][] = [file, await createImageBitmap(canvas), canvas, element];
  const all = [pixels, ...images].map((image, i) => ({ image, label: i }));
  const { images: values } = await datasetFromImages(gpu, model, all);
  const each = values.length / all.length;
  for (let i = 1; i < all.length; i++) {
    values.subarray(i * each, (i + 1) * each).forEach((value, k) => {
      expect(value, `value ${k} of image ${i}`).toBeCloseTo(values[k]!, 4);
    });
  }
  const text = { image: new Blob(["no image"]), label: 1 };
  await expect(datasetFromImages(gpu, model, [all[0]!, text])).rejects.toThrow(
    "images: image 1, of 1, cannot be used — ",
  );
});

it("the page's code reads photographs as they are needed, and says which one is not there", async () => {
  vi.stubGlobal("fetch", async (url: string) => {
    const [, animal, number] = url.match(/^photographs\/(cat|dog)-(\d)\.png$/)!;
    if (animal === "dog" && number === "2") return new Response("", { status: 404 });
    return new Response(await canvasOf(noise(Number(number))).convertToBlob());
  });
  const { gpu, model, photographs } = await import("virtual:readme/lazily");
  const specs = {
    images: { shape: model.inputShape, dtype: "f32" },
    labels: { shape: [], dtype: "i32" },
  } as const;
  const loader = new SourceLoader(photographs, specs, { batchSize: 2, shuffle: false });
  const { values, size } = await loader.batchAt(0, 0);
  const { images } = await datasetFromImages(gpu, model, [{ image: noise(1), label: 0 }]);
  expect([size, [...values.labels!]]).toEqual([2, [0, 1]]);
  for (let i = 0; i < 30; i++) {
    const place = 4 * Math.floor(i / 3) + (i % 3); // Channels are padded to 4.
    expect(values.images![place]).toBeCloseTo(images[i]!, 4);
  }
  await expect(loader.batchAt(0, 2)).rejects.toThrow(
    "photographs: batch 1 of epoch 0, of examples 2, 3: example 3: dog-2.png answers 404",
  );
  gpu.destroy();
});

it("frames of a stream come until it ends, or a signal says so", async () => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  Object.assign(canvas, { width: 32, height: 24 });
  let drawn = 0;
  // A stream has frames where something is drawn.
  const drawing = setInterval(() => {
    context.fillStyle = `rgb(${drawn++ % 256} 0 0)`;
    context.fillRect(0, 0, 32, 24);
  }, 10);
  try {
    const stream = canvas.captureStream();
    const sizes: number[][] = [];
    for await (const frame of framesOf(stream, { fps: 100 })) {
      sizes.push([frame.width, frame.height]);
      frame.close();
      if (sizes.length === 2) for (const track of stream.getTracks()) track.stop();
    }
    expect(sizes).toEqual([
      [32, 24],
      [32, 24],
    ]);
    const controller = new AbortController();
    const frames = framesOf(canvas.captureStream(), { fps: 100, signal: controller.signal });
    const first = (await frames.next()).value as ImageBitmap;
    first.close();
    controller.abort(new Error("enough"));
    await expect(frames.next()).rejects.toThrow("enough");
    await expect(framesOf(stream, { fps: 0 }).next()).rejects.toThrow(
      "fps must be finite and above 0 — got 0",
    );
    await expect(framesOf(canvas as never).next()).rejects.toThrow("takes a MediaStream or a video element");
  } finally {
    clearInterval(drawing);
  }
});
