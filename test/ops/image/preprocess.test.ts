import { describe, expect, it } from "vitest";
import {
  avgPool2d,
  createDataset,
  DataError,
  dense,
  flatten,
  Graph,
  type ImageSource,
  lower,
  type Model,
  openSession,
  type PixelImage,
  Predictor,
  type Preprocessing,
  Preprocessor,
  Random,
  relu,
  resizeImages,
  ShapeError,
  Variables,
} from "webgraft";
import { preprocess } from "../../support/reference/resize.ts";
import { testGpu } from "../../support/run/gpu.ts";

const torch: Preprocessing = {
  resize: 16,
  mode: "torch",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const caffe: Preprocessing = { resize: 16, mode: "caffe", mean: [103.939, 116.779, 123.68], std: [1, 1, 1] };
const grey: Preprocessing = { resize: 16, mode: "torch", mean: [0.13], std: [0.31] };

/** Opaque noise over a slope. */
function noise(width: number, height: number, channels: 1 | 3 | 4, seed = 1): PixelImage {
  const random = new Random(seed, "pixels");
  const data = Uint8ClampedArray.from({ length: width * height * channels }, (_, i) =>
    channels === 4 && i % 4 === 3 ? 255 : 128 * random.uniform() + ((i / channels) % width) * (127 / width),
  );
  return { width, height, data };
}

const imageData = ({ width, height, data }: PixelImage): ImageData =>
  new ImageData(data as Uint8ClampedArray<ArrayBuffer>, width, height);

function canvasOf(image: PixelImage): OffscreenCanvas {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d")!.putImageData(imageData(image), 0, 0);
  return canvas;
}

const make = async (
  inputShape: readonly [number, number, number],
  preprocessing: Preprocessing,
): Promise<Preprocessor> => Preprocessor.create(await testGpu(), { inputShape, preprocessing });

function expectClose(actual: Float32Array, expected: Float64Array, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    if (!(Math.abs(actual[i]! - value) <= tolerance)) {
      expect.fail(`element ${i}: ${actual[i]} instead of ${value}; tolerance ${tolerance}`);
    }
  });
}

describe("Preprocessor", () => {
  const cases = [
    ["shrinks", noise(61, 37, 3), [14, 13, 3], torch],
    ["shrinks what is tall", noise(19, 83, 4), [16, 15, 3], torch],
    ["enlarges", noise(7, 5, 3), [12, 13, 3], torch],
    ["keeps the size", noise(16, 16, 3), [16, 16, 3], torch],
    ["shrinks far", noise(700, 401, 1), [9, 16, 3], torch],
    ["gives BGR for caffe", noise(23, 31, 3), [14, 14, 3], caffe],
    ["gives luma for one channel", noise(40, 30, 3), [14, 14, 1], grey],
    ["reads a single pixel", noise(1, 1, 3), [14, 14, 3], torch],
  ] as const;
  for (const [name, image, inputShape, preprocessing] of cases) {
    it(`${name}: ${image.width}×${image.height}`, async () => {
      const subject = await make(inputShape, preprocessing);
      const values = await subject.read([image]);
      const tolerance = preprocessing.mode === "caffe" ? 3e-4 : 5e-6;
      expectClose(values, preprocess(image, inputShape, preprocessing).data, tolerance);
      expect(await subject.read([image]), "the same bits again").toEqual(values);
      subject.destroy();
    });
  }

  it.each([
    [31, 31],
    [9, 9],
    [16, 16],
    [23, 23],
    [140, 140],
  ])("resizes as resizeImages does, but for the rounding to bytes: from %i×%i", async (width, height) => {
    const image = noise(width, height, 3);
    const plain: Preprocessing = { resize: 16, mode: "torch", mean: [0, 0, 0], std: [1, 1, 1] };
    const subject = await make([16, 16, 3], plain);
    const dataset = createDataset({
      ...{ name: "one", shape: [height, width, 3], classes: ["a"], labels: Int32Array.of(0) },
      images: Uint8Array.from(image.data),
    });
    const { images } = resizeImages(dataset, 16, 16);
    const values = await subject.read([image]);
    expect(images.length).toBe(values.length);
    const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(255 * value - images[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(0.5 + 1e-3);
    subject.destroy();
  });

  it("puts images of any sizes and kinds into their slots", async () => {
    const subject = await make([14, 14, 3], torch);
    const images = [noise(33, 21, 4, 1), noise(90, 70, 1, 2), noise(15, 40, 3, 3), noise(33, 21, 4, 4)];
    const values = await subject.read(images);
    const expected = images.flatMap((image) => [...preprocess(image, [14, 14, 3], torch).data]);
    expectClose(values, Float64Array.from(expected), 5e-6);
    expect(await subject.read([])).toEqual(new Float32Array());
    subject.destroy();
  });

  const pixels = noise(45, 29, 4);
  const sources: Record<string, () => Promise<ImageSource>> = {
    ImageData: async () => imageData(pixels),
    OffscreenCanvas: async () => canvasOf(pixels),
    ImageBitmap: () => createImageBitmap(imageData(pixels)),
    HTMLCanvasElement: async () => {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: 45, height: 29 });
      canvas.getContext("2d")!.putImageData(imageData(pixels), 0, 0);
      return canvas;
    },
    HTMLImageElement: async () => {
      const image = new Image();
      image.src = URL.createObjectURL(await canvasOf(pixels).convertToBlob());
      await image.decode();
      return image;
    },
    VideoFrame: async () => new VideoFrame(canvasOf(pixels), { timestamp: 0 }),
  };
  for (const [name, source] of Object.entries(sources)) {
    it(`takes ${name} as it takes its bytes`, async () => {
      const subject = await make([14, 14, 3], torch);
      const image = await source();
      const values = await subject.read([image, pixels, image]);
      const each = values.length / 3;
      expect(values.subarray(0, each)).toEqual(values.subarray(each, 2 * each));
      expect(values.subarray(2 * each)).toEqual(values.subarray(each, 2 * each));
      if ("close" in image) image.close();
      subject.destroy();
    });
  }

  it("puts transparent pixels of any image over black", async () => {
    const colours = [
      [200, 100, 50, 128],
      [200, 100, 50, 0],
      [90, 60, 30, 255],
    ] as const;
    const subject = await make([1, 1, 3], { resize: 1, mode: "torch", mean: [0, 0, 0], std: [1, 1, 1] });
    for (const [r, g, b, a] of colours) {
      const data = Uint8ClampedArray.from({ length: 4 * 4 }, (_, i) => [r, g, b, a][i % 4]!);
      const image: PixelImage = { width: 2, height: 2, data };
      const bitmap = await createImageBitmap(imageData(image));
      const straight = await createImageBitmap(imageData(image), { premultiplyAlpha: "none" });
      const values = await subject.read([image, imageData(image), canvasOf(image), bitmap, straight]);
      const over = Float64Array.from([r, g, b], (value) => (value * a) / (255 * 255));
      // Canvases and bitmaps round twice.
      for (let i = 0; i < 5; i++) expectClose(values.subarray(3 * i, 3 * i + 3), over, 1.5 / 255);
    }
    subject.destroy();
  });

  it("works in a worker", async () => {
    const worker = new Worker(new URL("../../support/run/preprocess-worker.ts", import.meta.url), {
      type: "module",
    });
    try {
      const bitmap = await createImageBitmap(imageData(pixels));
      const answer = new Promise<unknown>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve(message);
      });
      worker.postMessage(bitmap, [bitmap]);
      const subject = await make([14, 14, 3], torch);
      expect(await answer).toEqual(await subject.read([pixels]));
      subject.destroy();
    } finally {
      worker.terminate();
    }
  });

  it("fills an input of a session on the GPU", async () => {
    const gpu = await testGpu();
    const subject = await make([14, 14, 3], torch);
    const graph = new Graph({ mode: "eval" });
    graph.output("y", relu(graph.input("images", [2, 14, 14, 3])));
    const session = await openSession(gpu, lower(graph), new Variables(gpu));
    const live = { step: 1, seed: 0, learningRate: 0 };
    const batches = [1, 3].map((seed) => [noise(20, 30, 3, seed), noise(50, 30, 3, seed + 1)]);
    // Both steps are in flight at once.
    const steps = batches.map((images) => session.submit({ images: subject.input(images) }, live));
    for (const [i, step] of steps.entries()) {
      const expected = (await subject.read(batches[i]!)).map((v) => Math.max(v, 0));
      expect((await step).y).toEqual(expected);
    }
    const many = subject.input([pixels, pixels, pixels]);
    expect(() => session.submit({ images: many }, live)).toThrow("3 images do not fit a batch of 2");
    session.destroy();
    subject.destroy();
  });

  it("lets a predictor classify images as they come", async () => {
    const model: Model = {
      name: "small",
      inputShape: [14, 14, 3],
      classes: 5,
      options: {},
      preprocessing: torch,
      build: (x) => dense(flatten(avgPool2d(x, { kernelSize: 7 })), "fc", { outFeatures: 5 }),
    };
    const predictor = await Predictor.create({ gpu: await testGpu(), model, batchSize: 2 });
    predictor.variables.initialize(predictor.weights, 1);
    const images = [1, 2, 3].map((seed) => noise(20, 30, 3, seed));
    const subject = await make([14, 14, 3], torch);
    const probabilities = await predictor.classify(images);
    expect(probabilities).toEqual(await predictor.predict(await subject.read(images)));
    expect(probabilities.length).toBe(15);
    await expect(predictor.classify([noise(1, 0, 3)])).rejects.toThrow("the image is empty");
    expect(await predictor.classify(images), "after an error").toEqual(probabilities);
    subject.destroy();
    predictor.destroy();
  });

  it("says what is wrong with a model", async () => {
    const gpu = await testGpu();
    const create = (inputShape: [number, number, number], preprocessing?: Preprocessing) =>
      expect(Preprocessor.create(gpu, { inputShape, ...(preprocessing && { preprocessing }) })).rejects;
    await create([14, 14, 3]).toThrow(ShapeError);
    await create([14, 14, 3]).toThrow("the model has no `preprocessing`");
    await create([14, 14, 3], grey).toThrow("expects 3 finite means");
    await create([17, 20, 3], torch).toThrow(
      "resize must be at least as large as the crop — resize 16, crop 17×20",
    );
    await create([14, 14, 3], { ...torch, resize: 1e6 }).toThrow("from 1 to 16384 — resize 1000000");
  });

  it("says what is wrong with an image", async () => {
    const subject = await make([14, 18, 3], torch);
    const refuse = (image: unknown) => expect(subject.read([image as ImageSource])).rejects;
    const closed = await createImageBitmap(imageData(pixels));
    closed.close();
    await refuse(closed).toThrow(DataError);
    await refuse(closed).toThrow("the image is empty — 0×0 pixels");
    await refuse(new Image()).toThrow("the image is empty");
    await refuse(undefined).toThrow("expects an image — got undefined");
    await refuse({ width: 4, height: 3, data: new Uint8Array(10) }).toThrow(
      "take 12, 36 or 48 bytes — got 10",
    );
    await refuse({ width: 1e9, height: 3, data: new Uint8Array(10) }).toThrow("larger than 16384 pixels");
    await refuse(noise(30, 30, 3)).toThrow("the crop 18×14 is larger than the image");
    await refuse(new OffscreenCanvas(9000, 6000)).toThrow("too large for this device — 9000×6000 pixels");
    subject.destroy();
  });
});
