/** What a job answers about its weights: predictions of images that it is given, activations, filters. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { JobCommand, JobEvent, JobImages, JobQuestion } from "../../src/job/protocol.ts";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { decodeSafetensors, float32Values } from "../../src/weights/safetensors.ts";
import { Recorded, serve } from "../support/run/job.ts";

const settings: JobSettings = {
  ...{ ...defaultSettings, topology: "convnet", imageSize: 8 },
  ...{ examples: 12, epochs: 2, batch: 4, lr: 0.01, seed: 3 },
};
const SIZE = 64;

/** A run that is done, and answers. */
let job: Recorded;

beforeAll(async () => {
  vi.stubGlobal("fetch", serve);
  job = new Recorded();
  job.send({ type: "start", settings });
  await job.until("done");
});

afterAll(() => {
  job.send({ type: "stop" });
  vi.unstubAllGlobals();
});

/** The event after a question. */
async function answerTo<T extends JobEvent["type"]>(type: T, question: JobQuestion) {
  const before = job.all(type).length;
  job.send(question);
  return job.until(type, before + 1);
}

const predict = (images: JobImages) => answerTo("predictions", { type: "predict", ...images });
const refusal = async (question: object) => (await answerTo("refused", question as JobQuestion)).message;

/** A canvas with grey levels, each repeated `scale` times in both directions. */
function canvasOf(pixels: Uint8Array, scale: number): OffscreenCanvas {
  const side = 8 * scale;
  const canvas = new OffscreenCanvas(side, side);
  const image = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const [y, x] = [Math.floor(i / side / scale), Math.floor((i % side) / scale)];
    image.data.set([...new Array(3).fill(pixels[8 * y + x]!), 255], 4 * i);
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}

describe("predict", () => {
  test("on given pixels answers as on the test images that they are of, and repeats the id", async () => {
    const { predictions } = await predict({ indices: [4, 1, 5, 0, 2] });
    const pixels = Uint8Array.from(predictions.flatMap(({ pixels }) => [...pixels]));
    expect(pixels.length).toBe(5 * SIZE);
    const expected = predictions.map(({ index: _, label: __, ...rest }) => rest);
    const given: JobImages[] = [
      { pixels },
      { pixels: new Uint8ClampedArray(pixels) },
      { pixels: JSON.parse(JSON.stringify([...pixels])) as number[] },
    ];
    for (const images of given) expect((await predict(images)).predictions).toEqual(expected);
    const one = { type: "predict", pixels: pixels.subarray(SIZE, 2 * SIZE) } as const;
    for (const id of [0, 7, "", "pad"]) {
      const { predictions, ...rest } = await answerTo("predictions", { ...one, id });
      expect(predictions).toEqual([expected[1]]);
      expect(rest).toEqual({ type: "predictions", id, step: 6 });
    }
    expect(await answerTo("predictions", one)).not.toHaveProperty("id");
  });

  test("on bitmaps and video frames sees them in the run's size, and closes them", async () => {
    const { predictions } = await predict({ indices: [0, 3] });
    const expected = predictions.map(({ index: _, label: __, ...rest }) => rest);
    const canvases = expected.map(({ pixels }, i) => canvasOf(pixels, 1 + 4 * i));
    const bitmaps = await Promise.all(canvases.map((canvas) => createImageBitmap(canvas)));
    const answer = (await predict({ images: bitmaps })).predictions;
    // Of the same size, they are the same bytes; enlarged and brought back, nearly so.
    expect(answer[0]).toEqual(expected[0]);
    answer[1]!.pixels.forEach((value, i) => {
      expect(Math.abs(value - expected[1]!.pixels[i]!)).toBeLessThan(40);
    });
    expect(bitmaps.map(({ width }) => width)).toEqual([0, 0]);

    const frame = new VideoFrame(canvases[0]!, { timestamp: 0 });
    const [seen] = (await predict({ images: [frame] })).predictions;
    // Video may be stored in other colours.
    seen!.pixels.forEach((value, i) => {
      expect(Math.abs(value - expected[0]!.pixels[i]!)).toBeLessThan(8);
    });
    expect(frame.format).toBe(null);
  });

  test.each<[object, RegExp]>([
    [{}, /^predict: indices must be a list .* — got nothing/],
    [{ indices: [] }, /^predict: indices must be .* — got \[\]/],
    [{ indices: [0, 6] }, /^predict: indices\[1\] must be a whole number 0…5 — got 6/],
    [{ indices: [0.5] }, /^predict: indices\[0\] must be a whole number 0…5 — got 0.5/],
    [{ indices: "0" }, /^predict: indices must be .* — got "0"/],
    [{ pixels: new Uint8Array(0) }, /^predict: pixels of images \(8, 8, 1\) take 64 bytes each — got 0/],
    [{ pixels: new Uint8Array(65) }, /take 64 bytes each — got 65/],
    [{ pixels: new Float32Array(64) }, /^predict: pixels must be a list/],
    [{ pixels: new Array(64).fill(256) }, /^predict: pixels\[0\] must be a whole number 0…255 — got 256/],
    [{ images: [] }, /^predict: images must be one or more bitmaps or video frames/],
    [{ images: [{ width: 8, height: 8 }] }, /^predict: images must be one or more bitmaps or video frames/],
  ])("with %o is refused, with its id", async (images, message) => {
    expect(await refusal({ type: "predict", id: "wrong", ...images })).toMatch(message);
    expect(job.all("refused").at(-1)).toMatchObject({ command: "predict", id: "wrong" });
  });

  test("with a bitmap that is closed is refused, and bitmaps that are refused are closed", async () => {
    const [closed, open] = await Promise.all(
      [0, 1].map(() => createImageBitmap(canvasOf(new Uint8Array(SIZE), 1))),
    );
    closed!.close();
    expect(await refusal({ type: "predict", images: [open, closed] })).toMatch(
      /preprocess: the image is empty/,
    );
    expect(open!.width).toBe(0);
    const stopped = new Recorded();
    const late = await createImageBitmap(canvasOf(new Uint8Array(SIZE), 1));
    stopped.send({ type: "predict", images: [late] });
    stopped.send({ type: "start", settings });
    stopped.send({ type: "stop" });
    await stopped.until("stopped");
    expect(late.width).toBe(0);
  });
});

describe("activations and filters", () => {
  test("tell what layers make of images, in the shapes that `ready` lists", async () => {
    const { layers } = job.all("ready")[0]!;
    const [first, last] = [layers[0]!, layers.at(-1)!];
    const [sole] = (await predict({ indices: [2] })).predictions;
    const maps = await answerTo("activations", {
      type: "activations",
      layer: first.label,
      indices: [2, 3],
      id: 1,
    });
    expect(maps).toMatchObject({ id: 1, step: 6, layer: first.label, shape: [2, ...first.shape] });
    const count = maps.shape.reduce((a, b) => a * b);
    expect(maps.values.length).toBe(count);
    const given = { type: "activations", pixels: sole!.pixels } as const;
    const same = await answerTo("activations", { ...given, layer: first.label });
    expect([...same.values]).toEqual([...maps.values.subarray(0, count / 2)]);

    // The logits of the last layer are those of the prediction.
    const { values: logits, shape } = await answerTo("activations", { ...given, layer: last.label });
    expect(shape).toEqual([1, 10]);
    const exp = [...logits].map(Math.exp);
    const sum = exp.reduce((a, b) => a + b);
    sole!.probabilities.forEach((p, i) => {
      expect(exp[i]! / sum).toBeCloseTo(p, 5);
    });
  });

  test("tell the weights of a layer, as in the checkpoint but for the layout", async () => {
    job.send({ type: "checkpoint" });
    const { bytes } = await job.until("checkpoint", job.all("checkpoint").length + 1);
    const { tensors } = decodeSafetensors(bytes, "checkpoint");
    const convolution = job.all("ready")[0]!.layers.find(({ operations }) => operations.includes("conv2d"))!;
    const { label } = convolution;
    const { shape, values, step } = await answerTo("filters", { type: "filters", layer: label });
    const [R, S, C, K] = shape;
    expect(step).toBe(6);
    const stored = tensors.get(`${label}.weight`)!;
    expect([...stored.shape]).toEqual([K, C, R, S]);
    const file = float32Values(label, stored);
    const turned = Float32Array.from(values, (_, i) => {
      const [k, c, s, r] = [
        i % K!,
        Math.floor(i / K!) % C!,
        Math.floor(i / K! / C!) % S!,
        Math.floor(i / K! / C! / S!),
      ];
      return file[((k * C! + c) * R! + r) * S! + s]!;
    });
    expect(values).toEqual(turned);
  });

  test.each<[object, RegExp]>([
    [{ type: "activations", layer: "conv99", indices: [0] }, /no layer of this name, but conv1, .* — conv99/],
    [{ type: "activations", layer: "conv1" }, /^activations: indices must be a list/],
    [
      { type: "activations", layer: "conv1", indices: [9] },
      /^activations: indices\[0\] must be a whole number 0…5/,
    ],
    [
      { type: "filters", layer: "conv99" },
      /^filters: layer must be one with a weight, conv1, .* — got "conv99"/,
    ],
    [{ type: "filters" }, /^filters: layer must be one with a weight, .* — got nothing/],
  ])("refuse %o", async (question, message) => {
    expect(await refusal({ ...question, id: 3 })).toMatch(message);
    expect(job.all("refused").at(-1)).toMatchObject({ id: 3 });
  });
});

const pixels = Uint8Array.from({ length: SIZE }, (_, i) => 3 * i);
const asked: readonly JobCommand[] = [
  { type: "predict", pixels, id: 1 },
  { type: "predict", indices: [6], id: 2 },
  { type: "activations", layer: "conv1", pixels, id: 3 },
  { type: "filters", layer: "conv1", id: 4 },
  { type: "filters", layer: "nope", id: 5 },
];
const answers = ["predictions", "refused", "activations", "filters", "refused"];

test.each<[string, Partial<JobSettings>]>([
  ["a run", {}],
  ["a run on cached features", { frozen: ["conv1.*", "block1.*"], cacheFeatures: true }],
])("questions at any time change nothing about %s, and are answered in their order", async (_, change) => {
  const run = async (react?: (event: JobEvent) => JobCommand[]): Promise<Recorded> => {
    const run = new Recorded(react);
    if (react) for (const command of asked) run.send(command);
    run.send({ type: "start", settings: { ...settings, ...change } });
    await run.until("done");
    if (react) await run.until("refused", 2 * times);
    run.send({ type: "stop" });
    await run.until("stopped");
    return run;
  };
  let times = 1; // Before the start.
  let done = false;
  const whole = await run();
  const types = ["ready", "step", "caching", "evaluating", "epoch", "checkpoint", "done"];
  const busy = await run(({ type }) => {
    if (done || !types.includes(type)) return [];
    done = type === "done";
    times++;
    return [...asked];
  });
  expect(busy.losses).toEqual(whole.losses);
  expect(busy.all("epoch")).toEqual(whole.all("epoch"));
  const tensors = ({ bytes }: { bytes: Uint8Array }) =>
    [...decodeSafetensors(bytes, "").tensors].map(([name, { bytes }]) => [name, bytes.join()]);
  const last = busy.all("checkpoint").find(({ step }) => step === 6)!;
  expect(tensors(last)).toEqual(tensors(whole.all("checkpoint").at(-1)!));
  const told = busy.events.filter(({ type }) => answers.includes(type));
  expect(told.length).toBe(times * asked.length);
  told.forEach((event, i) => {
    expect(event).toMatchObject({ type: answers[i % 5], id: 1 + (i % 5) });
  });
});
