/** What a model file says of its images: those it was trained on, given as they come, are what they were in training. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  DataError,
  type Dataset,
  type FolderIndex,
  type ImageSource,
  loadImageFolder,
  loadModel,
  modelFile,
  Preprocessor,
  Random,
  saveModel,
  Trainer,
} from "webgraft";
import { Job } from "../../src/job/job.ts";
import type { JobEvent } from "../../src/job/protocol.ts";
import { defaultSettings, type JobSettings, modelOf } from "../../src/job/settings.ts";
import { adamw } from "../../src/optimizers/index.ts";
import { tinyImages } from "../support/data/formats.ts";
import { idxGz } from "../support/data/shards.ts";
import { testGpu } from "../support/run/gpu.ts";

/** Of probabilities: the same numbers, and images that were rounded to bytes after a resize in training. */
const [EXACT, ROUNDED] = [1e-5, 5e-3];

type Files = Readonly<Record<string, () => Promise<Blob>>>;

/** Files of a server, by the ends of their addresses. */
let files: Files;
beforeEach(() => {
  vi.stubGlobal("fetch", async (url: string) => {
    const name = Object.keys(files).find((end) => url.endsWith(end));
    return name ? new Response(await files[name]!()) : new Response("", { status: 404 });
  });
});
afterEach(() => vi.unstubAllGlobals());

const bytes = (length: number, stream: string): Uint8Array<ArrayBuffer> => {
  const random = new Random(1, stream);
  return Uint8Array.from({ length }, () => 256 * random.uniform());
};

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    expect(Math.abs(actual[i]! - expected[i]!), `value ${i}`).toBeLessThan(tolerance);
  }
}

const idx = (name: "mnist" | "fashion"): Files => {
  const labels = Uint8Array.from({ length: 8 }, (_, i) => i);
  const parts = (["train", "test"] as const).map((split) => ({
    [`${name}/${split}-images-00.idx.gz`]: () => idxGz({ shape: [8, 28, 28], data: bytes(8 * 784, split) }),
    [`${name}/${split}-labels.idx.gz`]: () => idxGz({ shape: [8], data: labels }),
  }));
  return Object.assign({}, ...parts);
};

/** The last checkpoint of a short run, and what it predicted for two images, with their bytes. */
async function run(settings: JobSettings) {
  const events: JobEvent[] = [];
  await new Promise<void>((resolve, reject) => {
    const job = new Job(
      (event) => {
        events.push(event);
        if (event.type === "done") job.handle({ type: "predict", indices: [0, 3] });
        if (event.type === "predictions") job.handle({ type: "stop" });
        if (event.type === "stopped") resolve();
        if (event.type === "error") reject(new Error(event.message));
      },
      { dataUrl: "/data" },
    );
    job.handle({ type: "start", settings });
  });
  const of = <T extends JobEvent["type"]>(type: T) =>
    events.filter((event): event is Extract<JobEvent, { type: T }> => event.type === type).at(-1)!;
  return { checkpoint: of("checkpoint").bytes, predictions: of("predictions").predictions };
}

const short: JobSettings = {
  ...{ ...defaultSettings, topology: "convnet", examples: 8, batch: 4, epochs: 2, lr: 0.03 },
};

test.each([
  ["mnist", undefined, EXACT],
  ["fashion", 12, ROUNDED],
] as const)(
  "a run on %s, images of %s, leaves a model that classifies bytes as it did",
  async (data, imageSize, tolerance) => {
    files = idx(data);
    const { checkpoint, predictions } = await run({ ...short, data, ...(imageSize && { imageSize }) });
    const { predictor, model, labels } = await loadModel(modelFile(checkpoint), { gpu: await testGpu() });
    const normalize = { mnist: [0.1307, 0.3081], fashion: [0.286, 0.353] }[data];
    const { mean, std, ...rest } = model.preprocessing!;
    expect(rest).toEqual({ resize: imageSize ?? 28, mode: "torch" });
    expectClose([...mean, ...std], normalize, 1e-3);
    expect(labels!.length).toBe(10);
    const test = bytes(8 * 784, "test");
    const images = predictions.map(({ index }) => ({
      ...{ width: 28, height: 28 },
      data: test.subarray(index! * 784, (index! + 1) * 784),
    }));
    const expected = predictions.flatMap(({ probabilities }) => [...probabilities]);
    expectClose(await predictor.classify(images), expected, tolerance);
    predictor.destroy();
  },
);

async function picture(width: number, height: number, stream: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  // Broad stripes, as photographs have hardly anything but.
  const colours = bytes(3 * Math.ceil(width / 5), stream);
  for (let i = 0; 5 * i < width; i++) {
    context.fillStyle = `rgb(${colours.subarray(3 * i, 3 * i + 3).join(" ")})`;
    context.fillRect(5 * i, 0, 5, height);
  }
  return canvas.convertToBlob();
}

test.each([
  ["as large as the model's", [16, 16], EXACT],
  ["wide", [61, 35], ROUNDED],
  ["tall", [29, 47], ROUNDED],
] as const)(
  "a model trained on a folder classifies its files as it did: %s",
  async (_, [width, height], tolerance) => {
    const size = 16;
    const pictures = await Promise.all(Array.from({ length: 4 }, (_, i) => picture(width, height, `${i}`)));
    const list = pictures.map((_, i) => ({ name: `${i}.png`, label: i % 2 }));
    const index: FolderIndex = { name: "pets", classes: ["cat", "dog"], train: list, test: list };
    files = {
      "index.json": async () => new Blob([JSON.stringify(index)]),
      ...Object.fromEntries(pictures.map((blob, i) => [`train/${i}`, async () => blob])),
    };
    const dataset: Dataset = await loadImageFolder("train", { baseUrl: "/data/folder", size });
    const gpu = await testGpu();
    const trainer = await Trainer.create({
      ...{ gpu, model: modelOf(short, dataset), optimizer: adamw({ lr: 0.01 }), batchSize: 4 },
    });
    await trainer.fit(dataset, { epochs: 2 });
    const file = await saveModel(trainer, { labels: dataset.classes });
    const { predictor, labels } = await loadModel(file, { gpu, batchSize: 4 });
    expect(labels).toEqual(["cat", "dog"]);
    const images: ImageSource[] = await Promise.all(pictures.map((blob) => createImageBitmap(blob)));
    expectClose(await predictor.classify(images), await trainer.predict(dataset), tolerance);
    predictor.destroy();
    await trainer.destroy();
  },
);

test("images of a folder are read by what is in them, whatever browsers decode", async () => {
  const jpeg = await picture(20, 20, "jpeg").then((blob) => createImageBitmap(blob));
  const canvas = new OffscreenCanvas(20, 20);
  canvas.getContext("2d")!.drawImage(jpeg, 0, 0);
  const blobs = [await canvas.convertToBlob({ type: "image/jpeg" }), new Blob(["text"])];
  blobs.push(...tinyImages.map(({ bytes }) => new Blob([bytes])));
  const list = blobs.map((_, i) => ({ name: `cat/${i}.jfif`, label: 0 }));
  const index: FolderIndex = { name: "pets", classes: ["cat"], train: list, test: list };
  files = {
    "index.json": async () => new Blob([JSON.stringify(index)]),
    ...Object.fromEntries(blobs.map((blob, i) => [`train/${i}`, async () => blob])),
  };
  const options = { baseUrl: "/data/folder", size: 4 };
  const broken: string[] = [];
  const onBroken = (problems: readonly string[]): void => void broken.push(...problems);
  const dataset = await loadImageFolder("train", { ...options, skipBroken: true, onBroken });
  expect(broken).toEqual(["pets/cat/1.jfif is not a PNG, JPEG, GIF, WebP, AVIF or BMP image — 4 bytes"]);
  expect(dataset.length).toBe(1 + tinyImages.length);
  const grey = dataset.images.subarray(2 * 48, 3 * 48);
  expect([...new Set(grey)]).toEqual([128]); // The BMP's.
});

test("what is transparent is black in training and in prediction", async () => {
  const canvas = new OffscreenCanvas(8, 8);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "rgb(200 100 50 / 0.5)";
  context.fillRect(0, 0, 8, 4);
  const blob = await canvas.convertToBlob();
  const list = [{ name: "cat/0.png", label: 0 }];
  const index: FolderIndex = { name: "pets", classes: ["cat"], train: list, test: list };
  files = { "index.json": async () => new Blob([JSON.stringify(index)]), "train/0": async () => blob };
  const { images } = await loadImageFolder("train", { baseUrl: "/data/folder", size: 8 });
  const preprocessing = { resize: 8, mode: "torch", mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const preprocessor = await Preprocessor.create(await testGpu(), { inputShape: [8, 8, 3], preprocessing });
  const values = await preprocessor.read([await createImageBitmap(blob)]);
  expectClose(
    values,
    Array.from(images, (byte) => byte / 255),
    1.5 / 255,
  );
  expect(images[0]).toBeGreaterThan(90);
  expect(images.at(-1)).toBe(0);
  preprocessor.destroy();
});

test("an image of a folder that no preprocessing takes is named", async () => {
  const list = [{ name: "cat/thread.png", label: 0 }];
  const index: FolderIndex = { name: "pets", classes: ["cat"], train: list, test: list };
  files = {
    "index.json": async () => new Blob([JSON.stringify(index)]),
    "train/0": () => picture(3, 4000, "thread"),
  };
  const loading = loadImageFolder("train", { baseUrl: "/data/folder", size: 16 });
  await expect(loading).rejects.toThrow(DataError);
  await expect(loading).rejects.toThrow(/\n {2}pets\/cat\/thread\.png: .* too long and thin — 3×4000 pixels/);
});
