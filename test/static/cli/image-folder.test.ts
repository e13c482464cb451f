import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, test, vi } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { scanImageFolder } from "../../../src/cli/data/image-folder.ts";
import { parseTrainOptions } from "../../../src/cli/options.ts";
import { createDataset } from "../../../src/data/dataset.ts";
import { imageFormat, readImageHeader, SIGNATURE_BYTES } from "../../../src/data/image-header.ts";
import { resizeImages } from "../../../src/data/resize.ts";
import { defaultSettings } from "../../../src/job/settings.ts";
import { tinyImages } from "../../support/data/formats.ts";
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
    // What is in a file, not its name, makes it an image.
    if (!path.endsWith("/"))
      writeFileSync(join(folder, path), /\.(txt|db|csv|heic)$/i.test(path) ? "text" : image);
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
    [["train/a/1.png", "train/b/1.png", "val/a/2.png"], ["val/a/2.png"]],
    [["train/a/1.png", "train/b/1.png", "valid/a/2.png"], ["valid/a/2.png"]],
    [["train/a/1.png", "train/b/1.png", "validation/b/2.png"], ["validation/b/2.png"]],
    [["Train/a/1.png", "Train/b/1.png", "Test/a/2.png"], ["Test/a/2.png"]],
    [["TRAIN/a/1.png", "TRAIN/b/1.png", "Val/a/2.png"], ["Val/a/2.png"]],
    [["train/a/1.png", "train/b/1.png", "test/a/2.png", "val/a/3.png"], ["test/a/2.png"]],
    [["pets/train/a/1.png", "pets/train/b/1.png", "pets/test/a/2.png"], ["pets/test/a/2.png"]],
    [["x/train/a/1.png", "x/train/b/1.png", "x/val/a/2.png", "__MACOSX/train/a/._1.png"], ["x/val/a/2.png"]],
  ])("tells what to test on, of %j", (paths, test) => {
    const found = scanImageFolder(make(...paths), 1);
    expect(found.classes).toEqual(["a", "b"]);
    expect(names(found.test)).toEqual(test);
    expect(found.train.map(({ name }) => name).sort()).toEqual(paths.slice(0, 2));
  });

  it.each([
    ["in one folder around", ["pets/a/1.png", "pets/a/2.png", "pets/b/1.png"]],
    ["in nested folders of a class", ["a/1.png", "a/young/2.png", "b/x/y/1.png"]],
    ["with other names than those of images", ["a/1", "a/2.jfif", "b/1.dat"]],
    ["beside a Mac's rest", ["a/1.png", "a/2.png", "b/1.png", "__MACOSX/a/._1.png", "a/._1.png"]],
    [
      "beside hidden folders",
      ["a/1.png", "a/2.png", "b/1.png", ".ipynb_checkpoints/1.png", "a/.thumbs/1.png"],
    ],
  ])("finds images %s", (_, paths) => {
    const { classes, train, test } = scanImageFolder(make(...paths), 1);
    expect(classes).toEqual(["a", "b"]);
    expect(names([...train, ...test])).toEqual(paths.slice(0, 3));
  });

  it("follows links, but not in circles", () => {
    const path = make("a/1.png", "a/2.png", "b/1.png");
    symlinkSync(join(path, "a"), join(path, "a/again"));
    for (const [from, to] of ["ab", "ba"]) symlinkSync(join(path, from!), join(path, to!, "other"));
    symlinkSync(join(path, "nowhere"), join(path, "a/3.png"));
    const { train, test, notes } = scanImageFolder(path, 1);
    const linked = ["a/other/1.png", "b/other/1.png", "b/other/2.png"];
    expect(names([...train, ...test])).toEqual(["a/1.png", "a/2.png", "b/1.png", ...linked].sort());
    expect(notes.join()).toMatch(/left out 2 files .*: 2 \.png$/);
  });

  it.each([
    [[], /^$/],
    [
      ["a/notes.txt", "b/read.TXT", "a/Thumbs.db", "a/.DS_Store", "b/x.heic"],
      /left out 5 files .*: 2 \.txt, 1 \.DS_Store, 1 \.db, 1 \.heic$/,
    ],
    [["labels.csv"], /left out 1 file .*: 1 \.csv$/],
    [["3.png", "4.png"], /left out 2 files .*: 2 images outside the classes' folders$/],
    [["__MACOSX/x.png"], /^left out the folder __MACOSX$/],
  ])("counts what it leaves out: %j", (more, message) => {
    const found = scanImageFolder(make("a/1.png", "a/2.png", "b/1.png", ...more), 1);
    expect(names([...found.train, ...found.test])).toEqual(["a/1.png", "a/2.png", "b/1.png"]);
    expect(found.notes.join("; ")).toMatch(message);
  });

  it("says which of two folders it tests on, and which folder the classes are in", () => {
    const path = make("p/train/a/1.png", "p/train/b/1.png", "p/test/a/2.png", "p/val/a/3.png");
    expect(scanImageFolder(path, 1).notes).toEqual([
      "the classes are in p",
      "tested on p/test; p/val is left out",
    ]);
  });

  it.each([
    [[], /for each class, two or more — there are no folders/],
    [["x.png"], /there are no folders/],
    [many("cat", 3), /two or more — there is only cat/],
    [[...many("cat", 3), "dog/"], /there are no images .* in dog$/],
    [[...many("cat", 3), "dog/x.txt"], /there are no images .* in dog$/],
    [[...many("train/a", 2), "train/b/", ...many("test/a", 1)], /no images .* in train\/b$/],
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
    expect(() => settings("--data", make("a/1.png", "b/"))).toThrow(/no images .* in b/);
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

test.each(tinyImages)("headers tell the extent of $what, whole or cut", ({ format, size, bytes }) => {
  const [width, height] = size;
  expect(readImageHeader(bytes)).toEqual({ format, width, height });
  expect(imageFormat(bytes.subarray(0, SIGNATURE_BYTES))).toBe(format);
  for (let length = 0; length < bytes.length; length++) {
    const { format: told = format, ...extent } = readImageHeader(bytes.subarray(0, length)) ?? {
      width,
      height,
    };
    expect([told, extent]).toEqual([format, { width, height }]);
  }
});

test.each([
  ["text", "BMW and Audi are makers of cars"],
  ["a sound", "RIFF....WAVEfmt and so on, for a while"],
  ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic and so on"],
])("%s is no image", (_, content) => {
  expect(imageFormat(new TextEncoder().encode(content))).toBeUndefined();
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
