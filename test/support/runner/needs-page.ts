import type { RuntimeEngine } from "../../../src/cli/engine/engines.ts";

/** A GPU test that only a page can run. */
interface PageTest {
  readonly file: string;
  /** The beginning of its name. */
  readonly name: string;
  /** What Node and Deno lack, or only one of them. */
  readonly needs: string;
  readonly only?: RuntimeEngine;
}

/** What Node and Deno leave out; a run lists it. Everything else runs in every engine. */
export const pageTests: readonly PageTest[] = [
  ...["OffscreenCanvas", "ImageBitmap", "HTMLCanvasElement", "HTMLImageElement", "VideoFrame"].map(
    (kind) => ({
      file: "test/ops/image/preprocess.test.ts",
      name: `takes ${kind} as it takes its bytes`,
      needs: kind,
    }),
  ),
  {
    file: "test/ops/image/preprocess.test.ts",
    name: "takes ImageData as it takes its bytes",
    needs: "ImageData",
    only: "node",
  },
  { file: "test/ops/image/preprocess.test.ts", name: "works in a worker", needs: "ImageBitmap, Worker" },
  {
    file: "test/ops/image/preprocess.test.ts",
    name: "puts transparent pixels of any image over black",
    needs: "ImageData, ImageBitmap, OffscreenCanvas",
  },
  {
    file: "test/ops/image/preprocess.test.ts",
    name: "says what is wrong with an image",
    needs: "ImageBitmap, HTMLImageElement, OffscreenCanvas",
  },
  {
    file: "test/job/questions.test.ts",
    name: "on bitmaps and video frames sees them",
    needs: "OffscreenCanvas, ImageBitmap, VideoFrame",
  },
  {
    file: "test/job/questions.test.ts",
    name: "with a bitmap that is closed is refused",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/predict/preprocessing.test.ts",
    name: "a model trained on a folder classifies its files as it did",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/predict/preprocessing.test.ts",
    name: "images of a folder are read by what is in them",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/predict/preprocessing.test.ts",
    name: "what is transparent is black in training and in prediction",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/predict/preprocessing.test.ts",
    name: "an image of a folder that no preprocessing takes is named",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/embed/beside-others.test.ts",
    name: "three.js renders the same frame",
    needs: "HTMLCanvasElement",
  },
  {
    file: "test/data/from-images.test.ts",
    name: "files, bitmaps, canvases and elements are the images that they show",
    needs: "OffscreenCanvas, ImageBitmap, HTMLImageElement",
  },
  {
    file: "test/data/from-images.test.ts",
    name: "the page's code reads photographs as they are needed",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/data/from-images.test.ts",
    name: "frames of a stream come until it ends",
    needs: "HTMLVideoElement, MediaStream",
  },
  { file: "test/train/tune.test.ts", name: "keeps its table in the browser", needs: "IndexedDB" },
  {
    file: "test/train/readme.test.ts",
    name: "the README's code fine-tunes on images of one's own",
    needs: "OffscreenCanvas, ImageBitmap",
  },
  {
    file: "test/train/guides.test.ts",
    name: "fine-tune: learns from twenty images a class",
    needs: "OffscreenCanvas",
  },
];

/** Why a test is left out here, if it is. */
export function reasonToLeaveOut(file: string, test: string): string | undefined {
  const here: RuntimeEngine = process.versions.deno ? "deno" : "node";
  const found = pageTests.find(
    (each) => each.file === file && test.startsWith(each.name) && (each.only ?? here) === here,
  );
  return found && `needs ${found.needs}`;
}
