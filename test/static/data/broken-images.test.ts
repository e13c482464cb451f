/** What `loadImageFolder` says of images that cannot be used, and that it goes on without them if it is told to. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { type FolderOptions, loadImageFolder } from "../../../src/data/folder.ts";
import { loadJobData } from "../../../src/job/job-data.ts";
import type { JobEvent } from "../../../src/job/protocol.ts";
import { defaultSettings } from "../../../src/job/settings.ts";
import { png } from "../../support/data/png.ts";

const size = 2;
const grey = (value: number): Uint8Array => png(size, size, () => [value, value, value]);
const huge = png(1, 1, () => [0, 0, 0]);
new DataView(huge.buffer, huge.byteOffset).setUint32(16, 2 ** 27);

/** Files by the ends of their names; `x…` are cut off, so that a browser cannot decode them. */
const content = (name: string): Uint8Array =>
  /huge/.test(name)
    ? huge
    : /text/.test(name)
      ? new TextEncoder().encode("text")
      : /thin/.test(name)
        ? png(1, 20_000, () => [0, 0, 0])
        : /x/.test(name)
          ? grey(1).subarray(0, 30)
          : grey(Number.parseInt(name.split("/")[1]!, 10));

let index: { name: string; classes: string[]; train: object[]; test: object[] };
const serve = (train: readonly string[], testing: readonly string[] = []): void => {
  const images = (names: readonly string[]) =>
    names.map((name) => ({ name, label: Number(name.startsWith("b")) }));
  index = { name: "pets", classes: ["a", "b"], train: images(train), test: images(testing) };
};

beforeEach(() => {
  vi.stubGlobal("fetch", async (url: string) => {
    if (url.endsWith("index.json")) return new Response(JSON.stringify(index));
    const [split, number] = url.split("/").slice(-2) as ["train" | "test", string];
    return new Response(content((index[split][Number(number)] as { name: string }).name) as BodyInit);
  });
  vi.stubGlobal("createImageBitmap", async (blob: Blob) => {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    if (bytes.length < 40) throw new Error("cut off");
    const header = new DataView(bytes.buffer);
    return { width: header.getUint32(16), height: header.getUint32(20), bytes: bytes.length, close() {} };
  });
  vi.stubGlobal(
    "OffscreenCanvas",
    class {
      getContext = () => ({
        canvas: {},
        fillRect() {},
        drawImage() {},
        getImageData: () => ({ data: new Uint8Array(4 * size * size) }),
      });
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

const load = (options: Partial<FolderOptions> = {}) =>
  loadImageFolder("train", { baseUrl: "http://localhost/folder", size, ...options });
const refusal = async (loading: Promise<unknown>): Promise<string> => {
  const error = await loading.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(DataError);
  return (error as DataError).message;
};

test("all are told, in the order of their names, with what is wrong and what to do", async () => {
  serve(["a/1", "b/x2", "a/huge", "b/4", "a/text", "b/thin"]);
  expect((await refusal(load())).split("\n")).toEqual([
    "pets: 4 images cannot be used — mend or remove them, or leave them out (skipBroken; --skip-broken):",
    "  pets/a/huge is too large — 134217728×1 pixels, where at most 67108864 are read; make it smaller",
    "  pets/a/text is not a PNG, JPEG, GIF, WebP, AVIF or BMP image — 4 bytes",
    "  pets/b/thin: preprocess: the image is larger than 16384 pixels a side — 1×20000 pixels; make it smaller first",
    "  pets/b/x2 is a damaged png image — cut off",
  ]);
});

test("of many, twenty are told", async () => {
  serve(["a/1", ...Array.from({ length: 23 }, (_, i) => `b/x${i}`)]);
  const lines = (await refusal(load())).split("\n");
  expect(lines[0]).toMatch(/^pets: 23 images cannot be used/);
  expect([lines.length, lines.at(-1)]).toEqual([22, "  … and 3 more"]);
});

test("others keep their order and labels without them", async () => {
  serve(["a/1", "b/x2", "b/3", "a/text", "a/5", "b/6"]);
  const told: string[] = [];
  const dataset = await load({ skipBroken: true, onBroken: (problems) => told.push(...problems) });
  expect([dataset.length, [...dataset.labels], dataset.images.length]).toEqual([4, [0, 1, 0, 1], 4 * 12]);
  expect(told).toHaveLength(2);
  serve(["a/1", "b/3"]);
  expect((await load({ skipBroken: true })).length).toBe(2);
});

test("a class of which nothing is left is named", async () => {
  serve(["a/1", "b/x1", "b/x2"]);
  expect(await refusal(load({ skipBroken: true }))).toBe("pets: none of the 2 images of b can be used");
});

test("a job tells those of both splits, or goes on without them and says so", async () => {
  serve(["a/1", "b/x2", "b/3"], ["a/4", "b/x5"]);
  const events: JobEvent[] = [];
  const options = { baseUrl: "http://localhost", signal: new AbortController().signal };
  const run = (more: object) =>
    loadJobData(
      { ...defaultSettings, data: "/pets", imageSize: size, examples: 3, batch: 2, ...more },
      { ...options, emit: (event) => events.push(event) },
    );
  const message = await refusal(run({}));
  expect(message).toMatch(/^pets: 2 images cannot be used .*\n.*b\/x2 .*\n.*b\/x5 /);
  events.length = 0;
  const [train, testing] = await run({ skipBroken: true });
  expect([train.length, testing.length]).toEqual([2, 1]);
  const problem = (name: string): string => `pets/b/${name} is a damaged png image — cut off`;
  expect(events.filter(({ type }) => type === "skipped")).toEqual([
    { type: "skipped", split: "train", count: 1, images: [problem("x2")] },
    { type: "skipped", split: "test", count: 1, images: [problem("x5")] },
  ]);
});
