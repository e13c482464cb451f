import { DataError, ShapeError } from "../base/errors.ts";
import { making, Resource } from "../base/resource.ts";
import type { Pair } from "../base/window.ts";
import type { Gpu } from "../gpu/device.ts";
import { pad4, unpad } from "../graph/tensor.ts";
import {
  colourTransform,
  MAX_EXTENT,
  type PixelImage,
  type Placement,
  type Preprocessing,
  place,
  rgba,
} from "../image/preprocessing.ts";
import { packStruct } from "../kernel/args.ts";
import { Placement as layout } from "../kernel/constants.gen.ts";
import { grid } from "../kernel/grid.ts";
import { resize_columns, resize_rows } from "../kernel/shaders.gen.ts";
import { Executor, encode } from "./executor.ts";
import type { InputWriter } from "./session.ts";

/**
 * Where pixels come from. Colours are those the browser shows (sRGB, with the file's colour profile applied), over black
 * where they are transparent. An image element is taken at its natural size, not its size on the page.
 */
export type ImageSource =
  | PixelImage
  | ImageBitmap
  | VideoFrame
  | OffscreenCanvas
  | HTMLCanvasElement
  | HTMLImageElement
  | HTMLVideoElement;

/** What a preprocessor needs to know about a model; any `Model` will do. */
export interface PreprocessorModel {
  /** (H, W, C); C is 1 or 3. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly preprocessing?: Preprocessing;
}

/** The kernels of `Preprocessor`. */
export const RESIZE = { rows: resize_rows, columns: resize_columns } as const;

/**
 * Turns images into a model's input on the GPU: antialiased bilinear resize as in PIL and torchvision (but without
 * rounding to bytes in between), centre crop, normalisation. One image takes two kernels. Works in workers.
 */
export class Preprocessor {
  /** Of the images that come out. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly preprocessing: Preprocessing;
  readonly #gpu: Gpu;
  readonly #resource = new Resource("Preprocessor");
  readonly #executor: Executor;
  readonly #place: GPUBuffer;
  readonly #colour: GPUBuffer;
  #pixels: GPUBuffer | undefined;
  #between: GPUBuffer | undefined;
  #texture: GPUTexture | undefined;
  #canvas: OffscreenCanvas | undefined;

  /** Compiles the kernels. Rejects with a ShapeError if the model has no preprocessing, or one that makes no sense. */
  static async create(gpu: Gpu, { inputShape, preprocessing }: PreprocessorModel): Promise<Preprocessor> {
    if (!preprocessing) throw new ShapeError("preprocess", "the model has no `preprocessing` — give it one");
    const { resize } = preprocessing;
    const [H, W, C] = inputShape;
    const extents = [H, W, resize];
    if (!extents.every((extent) => Number.isInteger(extent) && extent >= 1 && extent <= MAX_EXTENT)) {
      throw new ShapeError(
        "preprocess",
        `extents must be whole numbers from 1 to ${MAX_EXTENT}`,
        `resize ${resize}, crop ${H}×${W}`,
      );
    }
    if (resize < Math.min(H, W)) {
      throw new ShapeError(
        "preprocess",
        "resize must be at least as large as the crop",
        `resize ${resize}, crop ${H}×${W}`,
      );
    }
    const colour = colourTransform(preprocessing, C);
    const launches = [
      { kernel: RESIZE.rows, constants: { W }, label: "resize rows" },
      { kernel: RESIZE.columns, constants: { H, W }, label: "resize columns" },
    ];
    const pipelines = await gpu.pipelines.compileAll(launches);
    return making((keep) =>
      gpu.guard("preprocessor", () => {
        const executor = keep(new Executor(gpu, launches, pipelines));
        return keep(new Preprocessor(gpu, inputShape, preprocessing, colour, executor));
      }),
    );
  }

  private constructor(
    gpu: Gpu,
    inputShape: PreprocessorModel["inputShape"],
    preprocessing: Preprocessing,
    colour: Float32Array,
    executor: Executor,
  ) {
    this.#gpu = gpu;
    this.inputShape = inputShape;
    this.preprocessing = preprocessing;
    this.#executor = executor;
    this.#place = this.#buffer("placement of an image", layout.size);
    this.#colour = this.#buffer("colour transform", colour.byteLength);
    gpu.device.queue.writeBuffer(this.#colour, 0, colour as Float32Array<ArrayBuffer>);
  }

  /**
   * Submits the work for one image, which becomes number `slot` of a batch (N, H, W, C) in the padded layout. The
   * image may be closed as soon as this returns; the promise tells whether the GPU took the work. Rejects with a
   * DataError if the image cannot be used.
   */
  async write(image: ImageSource, batch: GPUBufferBinding, slot = 0): Promise<void> {
    this.#resource.check();
    await this.#gpu.guard("preprocess", () => this.#write(image, batch, slot));
  }

  #write(image: ImageSource, batch: GPUBufferBinding, slot: number): void {
    const { device } = this.#gpu;
    const [H, W] = this.inputShape;
    const size = sizeOf(image);
    const placement = place(size, [H, W], this.preprocessing.resize);
    const rows = placement.rows[1] - placement.rows[0];
    const between = this.#room(rows * W * 16, size);
    const encoder = device.createCommandEncoder({ label: "preprocess" });
    const [pixels, pitch] =
      "data" in image ? this.#upload(image) : this.#copy(encoder, this.#still(image, size), size);
    device.queue.writeBuffer(this.#place, 0, packPlacement(size, pitch, placement, slot));
    const buffers: Readonly<Record<string, GPUBufferBinding>> = {
      ...{ place: { buffer: this.#place }, colour: { buffer: this.#colour } },
      ...{ pixels: { buffer: pixels }, t: { buffer: between }, y: batch },
    };
    const workgroups = [grid(rows * W, RESIZE.rows), grid(H * W, RESIZE.columns)];
    const pass = encoder.beginComputePass();
    encode(
      pass,
      workgroups.map((size, i) => this.#executor.bind(i, size, (name) => buffers[name]!)),
    );
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  /** Images as an input of `Session.submit`, written to the batch on the GPU. */
  input(images: readonly ImageSource[]): InputWriter {
    this.#resource.check();
    return (batch) => {
      this.#resource.check();
      const slots = batch.size / this.#bytes;
      if (images.length > slots) {
        throw new DataError(
          `preprocess: ${images.length} images do not fit a batch of ${slots} — give fewer`,
        );
      }
      images.forEach((image, slot) => {
        this.#write(image, batch, slot);
      });
    };
  }

  /** Preprocesses images and reads them back: (N, H, W, C), in logical order. */
  async read(images: readonly ImageSource[]): Promise<Float32Array<ArrayBuffer>> {
    this.#resource.check();
    if (images.length === 0) return new Float32Array();
    const { device } = this.#gpu;
    const size = images.length * this.#bytes;
    if (size > this.#gpu.limits.maxBindingBytes) {
      throw new DataError(
        `preprocess: ${images.length} images take ${size} bytes, at most ${this.#gpu.limits.maxBindingBytes} fit — ` +
          "read fewer at once",
      );
    }
    const reading = this.#gpu.guard("preprocess", async () => {
      const batch = this.#buffer("preprocessed images", size);
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = device.createBuffer({ label: "readback of images", size, usage });
      try {
        this.input(images)({ buffer: batch, offset: 0, size });
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(batch, 0, staging, 0, size);
        device.queue.submit([encoder.finish()]);
        await staging.mapAsync(GPUMapMode.READ);
        return unpad(new Float32Array(staging.getMappedRange().slice(0)), this.inputShape);
      } finally {
        batch.destroy();
        staging.destroy();
      }
    });
    return this.#resource.during(reading);
  }

  /** Frees the buffers; the device stays. What is being read rejects with a DestroyedError. */
  destroy(): void {
    this.#resource.end();
    this.#executor.destroy();
    for (const buffer of [this.#place, this.#colour, this.#pixels, this.#between]) buffer?.destroy();
    this.#texture?.destroy();
  }

  /** Bytes of one image of the batch. */
  get #bytes(): number {
    const [H, W, C] = this.inputShape;
    return H * W * pad4(C) * 4;
  }

  #buffer(label: string, size: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.#gpu.device.createBuffer({ label, size, usage });
  }

  /** The buffer between the two kernels, of at least `bytes` bytes. */
  #room(bytes: number, size: Pair): GPUBuffer {
    this.#between = this.#grown(this.#between, "half-resized image", bytes, size);
    return this.#between;
  }

  /** `buffer` if it is large enough, or else a new one in its place. */
  #grown(buffer: GPUBuffer | undefined, label: string, bytes: number, [height, width]: Pair): GPUBuffer {
    if (buffer && buffer.size >= bytes) return buffer;
    const { maxBindingBytes } = this.#gpu.limits;
    if (bytes > maxBindingBytes) {
      throw new DataError(
        `preprocess: the image is too large for this device — ${width}×${height} pixels need a binding of ` +
          `${bytes} bytes, the limit is ${maxBindingBytes}; resize it first`,
      );
    }
    buffer?.destroy();
    return this.#buffer(label, bytes);
  }

  #upload(image: PixelImage): [pixels: GPUBuffer, pitch: number] {
    const bytes = rgba(image) as Uint8Array<ArrayBuffer>;
    const pixels = this.#grown(this.#pixels, "pixels", bytes.length, [image.height, image.width]);
    this.#pixels = pixels;
    this.#gpu.device.queue.writeBuffer(pixels, 0, bytes);
    return [pixels, image.width];
  }

  /** Copies pixels through a texture; WebGPU pads the rows to a multiple of 64 pixels, `pitch`. */
  #copy(
    encoder: GPUCommandEncoder,
    source: GPUCopyExternalImageSource,
    [height, width]: Pair,
  ): [pixels: GPUBuffer, pitch: number] {
    const { device } = this.#gpu;
    const { maxTextureDimension2D } = device.limits;
    if (Math.max(height, width) > maxTextureDimension2D) {
      throw new DataError(
        `preprocess: the image is too large for this device — ${width}×${height} pixels, at most ` +
          `${maxTextureDimension2D} a side; resize it first, as with createImageBitmap`,
      );
    }
    if (this.#texture?.width !== width || this.#texture.height !== height) {
      this.#texture?.destroy();
      this.#texture = device.createTexture({
        label: "image",
        size: [width, height],
        format: "rgba8unorm",
        usage: GPUTextureUsage.COPY_SRC | GPUTextureUsage.COPY_DST | GPUTextureUsage.RENDER_ATTACHMENT,
      });
    }
    const pitch = Math.ceil(width / 64) * 64;
    const pixels = this.#grown(this.#pixels, "pixels", pitch * height * 4, [height, width]);
    this.#pixels = pixels;
    readable(() =>
      // Premultiplied colours are those over black.
      device.queue.copyExternalImageToTexture(
        { source },
        { texture: this.#texture!, premultipliedAlpha: true },
        [width, height],
      ),
    );
    encoder.copyTextureToBuffer({ texture: this.#texture }, { buffer: pixels, bytesPerRow: pitch * 4 }, [
      width,
      height,
    ]);
    return [pixels, pitch];
  }

  /** Draws a video frame to a canvas: not every browser copies video to a texture. */
  #still(image: Exclude<ImageSource, PixelImage>, [height, width]: Pair): GPUCopyExternalImageSource {
    if (!("displayWidth" in image || "videoWidth" in image)) return image;
    this.#canvas ??= new OffscreenCanvas(width, height);
    const canvas = this.#canvas;
    // Setting the size also clears the canvas.
    canvas.width = width;
    canvas.height = height;
    readable(() => canvas.getContext("2d")!.drawImage(image, 0, 0, width, height));
    return canvas;
  }
}

/** Height and width; 0 × 0 if the image is closed or not loaded yet. */
function sizeOf(image: ImageSource): Pair {
  if (typeof image !== "object" || image === null) {
    throw new DataError(`preprocess: expects an image — got ${String(image)}`);
  }
  if ("displayWidth" in image) return [image.displayHeight, image.displayWidth];
  if ("videoWidth" in image) return [image.videoHeight, image.videoWidth];
  if ("naturalWidth" in image) return [image.naturalHeight, image.naturalWidth];
  return [image.height, image.width];
}

/** The bytes of a `Placement` as in shaders/lib/image/resize.wgsl. */
function packPlacement([height, width]: Pair, pitch: number, at: Placement, slot: number): ArrayBuffer {
  const [first_row, end] = at.rows;
  const [resized_height, resized_width] = at.resized;
  const rows = end - first_row;
  const { left, top } = at;
  const bytes = new ArrayBuffer(layout.size);
  const values = { width, height, pitch, resized_width, resized_height, left, top, first_row, rows, slot };
  packStruct(layout, values, new DataView(bytes));
  return bytes;
}

/** Runs a call that the browser may refuse, such as for an image from another origin. */
function readable(run: () => void): void {
  try {
    run();
  } catch (cause) {
    throw new DataError(
      `preprocess: the browser does not let the image's pixels be read — ${String(cause)}`,
      {
        cause,
      },
    );
  }
}
