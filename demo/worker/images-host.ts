import * as Comlink from "comlink";
import {
  backboneNames,
  createBackbone,
  DeviceLostError,
  exportOnnx,
  type Gpu,
  type LoadedModel,
  loadModel,
  openDevice,
  openSafetensors,
  type PixelImage,
  saveModel,
  saveWeights,
  WebgraftError,
} from "webgraft";
import type { ExportKind, ReadEvent, TrainEvent, Trained, TrainRequest } from "./images-events.ts";
import { fineTune, shrink, split } from "./images-recipe.ts";

/** How many files are decoded at once: a photograph takes some 50 MB while it is. */
const AT_ONCE = 2;

/** A device that is lost so often will not get any better. */
const MOST_LOSSES = 3;

/** The visitor's own pictures, and the network that tells them apart. */
export class ImagesHost {
  /** Small copies of the pictures; the files themselves are not kept. */
  readonly #pictures = new Map<number, PixelImage>();
  #nextId = 1;
  #reading = new AbortController();
  #training = new AbortController();
  #gpu: Gpu | undefined;
  /** The model file of the network that guesses. */
  #file: Uint8Array<ArrayBuffer> | undefined;
  #loaded: Promise<LoadedModel> | undefined;

  /**
   * Reads files, and tells of each as soon as it is done; `tell` comes from another thread, which is waited for, so that
   * it has heard of all before this resolves. Resolves early after `stopReading`.
   */
  async read(files: readonly File[], tell: (event: ReadEvent) => void | Promise<void>): Promise<void> {
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    // Numbers are in the order of the files, whichever is done first.
    const first = this.#nextId;
    this.#nextId += files.length;
    let next = 0;
    const work = async (): Promise<void> => {
      for (let file = next++; file < files.length && !signal.aborted; file = next++) {
        const id = first + file;
        try {
          this.#pictures.set(id, await shrink(files[file]!));
        } catch (error) {
          await tell({ file, problem: files[file]!.size === 0 ? "it is empty" : reasonOf(error) });
          continue;
        }
        await tell({ file, id });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  stopReading(): void {
    this.#reading.abort();
  }

  /** Keeps a frame of the webcam; returns its number. */
  async addFrame(frame: ImageBitmap): Promise<number> {
    const id = this.#nextId++;
    this.#pictures.set(id, await shrink(frame));
    return id;
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) this.#pictures.delete(id);
  }

  /** A picture to draw; undefined if it has been removed. */
  picture(id: number): PixelImage | undefined {
    return this.#pictures.get(id);
  }

  /** The backbones whose published weights are for photographs. */
  backbones(): string[] {
    return backboneNames().filter((name) => {
      const { family, small } = createBackbone(name);
      return family !== "vgg" && !small;
    });
  }

  /** Trains on the pictures and keeps the network for `guess` and `export`. Begins again if the device is lost. */
  async train(request: TrainRequest, tell: (event: TrainEvent) => void): Promise<Trained> {
    this.#training.abort();
    this.#training = new AbortController();
    const { signal } = this.#training;
    for (let losses = 0; ; losses++) {
      try {
        return await this.#train(request, tell, signal);
      } catch (error) {
        if (!(error instanceof DeviceLostError) || losses === MOST_LOSSES) throw error;
        tell({ type: "lost" });
      }
    }
  }

  stop(): void {
    this.#training.abort();
  }

  /** Takes a model file of the library, in place of what was trained; returns the names of its classes. */
  async open(file: Blob): Promise<readonly string[]> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const loaded = await loadModel(bytes, { gpu: await this.#device() });
    if (!loaded.model.preprocessing) {
      loaded.predictor.destroy();
      throw new Error("The file does not say how its pictures are to be prepared.");
    }
    await this.#use(bytes, loaded);
    return loaded.labels ?? Array.from({ length: loaded.model.classes }, (_, i) => `class ${i + 1}`);
  }

  /** The probability of each class; undefined before there is a network. */
  async guess(picture: Blob | ImageBitmap): Promise<readonly number[] | undefined> {
    const image = await shrink(picture);
    if (!this.#file) return undefined;
    try {
      return await this.#classify(image);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      return this.#classify(image);
    }
  }

  /** The network as a file. */
  async export(kind: ExportKind): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.#file;
    if (!file) throw new Error("There is no network yet.");
    const bytes = kind === "model" ? file.slice() : await this.#convert(kind);
    return Comlink.transfer(bytes, [bytes.buffer]);
  }

  async #train(
    { classes, recipe, weights }: TrainRequest,
    tell: (event: TrainEvent) => void,
    signal: AbortSignal,
  ): Promise<Trained> {
    const began = performance.now();
    const gpu = await this.#device();
    gpu.pipelines.onProgress = (ready, wanted) => tell({ type: "compiling", ready, wanted });
    const labels = classes.map(({ name }) => name);
    const data = split(classes.map(({ pictures }) => pictures.map((id) => this.#pictures.get(id)!)));
    const of = data.train.images.length + data.test.images.length;
    const { trainer, tested } = await fineTune(gpu, weights, labels, data, recipe, {
      signal,
      onFeatures: (done) => tell({ type: "features", done, of }),
      onStep: ({ step, totalSteps, loss }) => tell({ type: "step", step, of: totalSteps, loss }),
    });
    try {
      const file = await saveModel(trainer, { labels });
      // What guesses is the very file that can be saved.
      await this.#use(file, await loadModel(file, { gpu }));
    } finally {
      await trainer.destroy();
    }
    return {
      labels,
      confusion: tested.confusion,
      trainImages: data.train.images.length,
      seconds: (performance.now() - began) / 1000,
      adapter: gpu.adapter,
      recipe,
    };
  }

  async #classify(image: PixelImage): Promise<readonly number[]> {
    const { predictor } = await this.#network();
    return [...(await predictor.classify([image]))];
  }

  async #convert(kind: "onnx" | "weights"): Promise<Uint8Array<ArrayBuffer>> {
    const { model, predictor } = await this.#network();
    if (kind === "weights") return saveWeights(predictor);
    const { tensors, read } = await openSafetensors(this.#file!);
    const values = await read([...tensors.keys()].filter((name) => tensors.get(name)!.dtype === "F32"));
    const weights = new Map(
      [...values].map(([name, data]) => [name, { shape: tensors.get(name)!.shape, data }]),
    );
    return exportOnnx(model, weights, { probabilities: true });
  }

  /** The network that guesses, on a device that is there. */
  async #network(): Promise<LoadedModel> {
    const gpu = await this.#device();
    this.#loaded ??= loadModel(this.#file!, { gpu });
    try {
      return await this.#loaded;
    } catch (error) {
      this.#loaded = undefined;
      throw error;
    }
  }

  async #use(file: Uint8Array<ArrayBuffer>, loaded: LoadedModel): Promise<void> {
    const last = this.#loaded;
    this.#file = file;
    this.#loaded = Promise.resolve(loaded);
    (await last)?.predictor.destroy();
  }

  /** The device, opened anew if it was lost. */
  async #device(): Promise<Gpu> {
    try {
      this.#gpu?.check();
    } catch {
      this.#gpu = undefined;
      this.#loaded = undefined;
    }
    this.#gpu ??= await openDevice();
    return this.#gpu;
  }
}

/** Why a browser does not read a file as a picture. */
const reasonOf = (error: unknown): string =>
  error instanceof WebgraftError ? error.message : "the browser cannot read it as a picture";
