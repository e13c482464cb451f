/** Preprocesses the bitmap it is sent, as an app would off the main thread. */
import { imagenetPreprocessing, openDevice, Preprocessor } from "webgraft";

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = async ({ data }: MessageEvent<ImageBitmap>) => {
  const gpu = await openDevice();
  const preprocessing = imagenetPreprocessing([14, 14]);
  const subject = await Preprocessor.create(gpu, { inputShape: [14, 14, 3], preprocessing });
  self.postMessage(await subject.read([data]));
  gpu.destroy();
};
