import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, test, vi } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { scanImageFolder } from "../../../src/cli/data/image-folder.ts";
import { parseTrainOptions } from "../../../src/cli/options.ts";
import { createDataset } from "../../../src/data/dataset.ts";
import { readImageHeader } from "../../../src/data/image-header.ts";
import { resizeImages } from "../../../src/data/resize.ts";
import { defaultSettings } from "../../../src/job/settings.ts";
import { png } from "../../support/data/png.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-folder-"));
afterAll(() => rmSync(scratch, { recursive: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "images-"));
});

const image = png(2, 3, () => [255, 0, 0]);

/** Files of the scratch folder, a slash at the end for folders. */
function make(...paths: string[]): string {
  for (const path of paths) {
    mkdirSync(dirname(join(folder, `${path}x`)), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(join(folder, path), image);
  }
  return folder;
}
const many = (className: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${className}/${String(i).padStart(3, "0")}.png`);
const names = (images: readonly { readonly name: string }[]): string[] =>
  images.map(({ name }) => name).sort();

describe("scanImageFolder", () => {
  it("splits each class by the seed, a fifth to test on, and mixes the classes", () => {
    const path = make(...many("cat", 10), ...many("dog", 23), ".git/x.png", "notes.txt", "cat/Thumbs.db");
    const found = scanImageFolder(path, 1);
    expect(found.classes).toEqual(["cat", "dog"]);
    const labels = (list: typeof found.test) => list.map(({ label }) => label);
    const count = (list: typeof found.test, wanted: number) =>
      labels(list).filter((l) => l === wanted).length;
    expect([count(found.test, 0), count(found.test, 1)]).toEqual([2, 5]);
    expect(names([...found.train, ...found.test])).toEqual([...many("cat", 10), ...many("dog", 23)].sort());
    for (const { name, label } of found.train) expect(name.startsWith(found.classes[label]!)).toBe(true);
    expect(labels(found.train)).not.toEqual(labels(found.train).sort());
    expect(scanImageFolder(path, 1)).toEqual(found);
    const { fingerprint } = found;
    expect(scanImageFolder(path, 2).fingerprint).toBe(fingerprint);
    expect(scanImageFolder(make("dog/new.png"), 1).fingerprint).not.toBe(fingerprint);
    rmSync(join(path, "dog/new.png"));
    expect(names(scanImageFolder(path, 2).test)).not.toEqual(names(found.test));
  });

  it("takes train and test as they are", () => {
    const train = [...many("train/b", 3), "train/a/x.JPEG", "train/a/y.jpg"];
    const found = scanImageFolder(make(...train, ...many("test/a", 2), "test/b/"), 1);
    expect(found.classes).toEqual(["a", "b"]);
    expect(names(found.train)).toEqual([...train].sort());
    expect(names(found.test)).toEqual(many("test/a", 2));
  });

  it("takes train and test for classes where images are in them", () => {
    expect(scanImageFolder(make(...many("train", 2), ...many("test", 2)), 1).classes).toEqual([
      "test",
      "train",
    ]);
  });

  it("leaves a class of one image to train on", () => {
    const { train, test } = scanImageFolder(make("a/1.png", ...many("b", 2)), 1);
    expect([train.length, test.length]).toEqual([2, 1]);
  });

  it.each([
    [[], /for each class, two or more — there are no folders/],
    [["x.png"], /there are no folders/],
    [many("cat", 3), /two or more — there is only cat/],
    [[...many("cat", 3), "dog/"], /there are no PNG or JPEG files in dog$/],
    [[...many("cat", 3), "dog/x.webp"], /there are no PNG or JPEG files in dog$/],
    [[...many("train/a", 2), "train/b/", ...many("test/a", 1)], /no PNG or JPEG files in train\/b$/],
    [[...many("train/a", 2), ...many("train/b", 2), "test/c/1.png"], /there is a test\/c, but no train\/c/],
    [[...many("train/a", 2), ...many("train/b", 2), "test/a/"], /no images to test on/],
    [["a/1.png", "b/1.png"], /no images to test on/],
  ])("refuses %j", (paths, message) => {
    const path = make(...paths);
    expect(() => scanImageFolder(path, 1)).toThrow(DataError);
    expect(() => scanImageFolder(path, 1)).toThrow(message);
  });

  it("says why a folder cannot be read", () => {
    const file = join(make("a.png"), "a.png");
    expect(() => scanImageFolder(file, 1)).toThrow(/cannot read .*a\.png — part of the path is a file/);
  });
});

describe("the arguments of train", () => {
  const settings = (...args: string[]) => {
    const { run } = parseTrainOptions(args);
    if (!("settings" in run)) throw new Error("no settings");
    return run.settings;
  };

  it("take a folder of images, of which all are used unless a number is given", () => {
    const data = make(...many("cat", 10), ...many("dog", 15));
    const { lr, optimizer, seed, epochs } = defaultSettings;
    const { fingerprint } = scanImageFolder(data, 7);
    const given = {
      topology: "convnet",
      data,
      fingerprint,
      batch: 4,
      examples: 20,
      imageSize: 224,
      lr,
      optimizer,
      seed,
      epochs,
    };
    expect(settings("--topology", "convnet", "--data", data, "--batch", "4")).toEqual(given);
    const fewer = settings("--data", data, "--examples", "7", "--batch", "7", "--image-size", "16");
    expect(fewer).toMatchObject({ examples: 7, imageSize: 16 });
    expect(() => settings("--data", make("a/1.png", "b/"))).toThrow(/no PNG or JPEG files in b/);
  });

  it("name backbone, weights and what is frozen", () => {
    const path = join(make("a.safetensors", "b.safetensors"), "a.safetensors");
    const other = join(folder, "b.safetensors");
    const given = settings(
      ...["--topology", "fusion", "--backbone", "resnet18", "--freeze", "resnet.*", "vgg.*"],
      ...["--weights", path, "--weights", other],
    );
    const wanted = { backbone: "resnet18", frozen: ["resnet.*", "vgg.*"], weights: [path, other] };
    expect(given).toEqual({ ...defaultSettings, topology: "fusion", ...wanted });
    expect(settings("--image-size", "32")).toEqual({ ...defaultSettings, imageSize: 32 });
  });

  it.each([
    [["--backbone", "resnet17"], /'resnet17' is invalid. Allowed choices are .*resnet18/],
    [["--backbone", "resnet18"], /got backbone resnet18, but interleaved has none/],
    [["--image-size", "0"], /must be a positive whole number/],
    [["--weights", "nowhere.safetensors"], /'nowhere.safetensors' is invalid. The file does not exist/],
    [["--data", "cifar"], /'cifar' is invalid. It must be a data set \(mnist, fashion\) or a folder/],
  ])("are refused: %j", (args, message) => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      expect(() => parseTrainOptions(args)).toThrow(message);
    } finally {
      stderr.mockRestore();
    }
  });
});

test("headers tell the extent of PNG and JPEG files, and nothing of others", () => {
  expect(readImageHeader(image)).toEqual({ format: "png", width: 2, height: 3 });
  const app0 = [0xff, 0xe0, 0, 4, 1, 2];
  const table = [0xff, 0xff, 0xc4, 0, 3, 9];
  const frame = [0xff, 0xc2, 0, 11, 8, 0x01, 0x02, 0x03, 0x04, 1];
  const jpeg = Uint8Array.of(0xff, 0xd8, ...app0, 0xff, 0xd0, ...table, ...frame);
  expect(readImageHeader(jpeg)).toEqual({ format: "jpeg", width: 0x304, height: 0x102 });
  for (let length = 0; length < 24; length++)
    expect(readImageHeader(image.subarray(0, length))).toBeUndefined();
  for (let length = 0; length < jpeg.length - 1; length++) {
    expect(readImageHeader(jpeg.subarray(0, length))).toBeUndefined();
  }
  expect(
    readImageHeader(new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>")),
  ).toBeUndefined();
});

describe("resizeImages", () => {
  const dataset = (shape: readonly [number, number, number], images: number[]) =>
    createDataset({
      name: "d",
      shape,
      classes: ["a"],
      images: Uint8Array.from(images),
      labels: new Int32Array(images.length / (shape[0] * shape[1] * shape[2])),
    });

  it("interpolates between pixel centres, as Pillow and torch do", () => {
    const wide = resizeImages(dataset([1, 2, 1], [0, 100]), 1, 4);
    expect([...wide.images]).toEqual([0, 25, 75, 100]);
    expect(wide.shape).toEqual([1, 4, 1]);
    // The triangle of two pixels' width: (1, 3, 3, 1) / 8 in the middle.
    const narrow = resizeImages(dataset([6, 1, 1], [0, 80, 0, 160, 0, 0]), 3, 1);
    expect([...narrow.images]).toEqual([
      Math.round((80 * 3) / 7),
      Math.round((80 + 480) / 8),
      Math.round(160 / 7),
    ]);
  });

  it("keeps channels and images apart, and constants constant", () => {
    const flat = Array.from(
      { length: 2 * 28 * 28 * 3 },
      (_, i) => 10 * (i % 3) + 100 * Math.floor(i / (28 * 28 * 3)),
    );
    const { images, length } = resizeImages(dataset([28, 28, 3], flat), 32, 20);
    expect([length, images.length]).toEqual([2, 2 * 32 * 20 * 3]);
    images.forEach((value, i) => {
      expect(value).toBe(10 * (i % 3) + 100 * Math.floor(i / (32 * 20 * 3)));
    });
  });

  it("refuses what would not fit into memory, and leaves images of the right size alone", () => {
    const small = dataset([1, 1, 1], [1]);
    expect(resizeImages(small, 1, 1)).toBe(small);
    expect(() => resizeImages(small, 50_000, 50_000)).toThrow(
      /take 2500000000 bytes, more than the 2147483647/,
    );
  });
});
