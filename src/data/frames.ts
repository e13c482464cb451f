import { DataError } from "../base/errors.ts";

/** How often frames are taken, and until when. */
export interface FramesOptions {
  /** Frames a second at most; fewer if those who take them need longer. Default 10. */
  readonly fps?: number;
  /** Ends the frames with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * The frames of a webcam's stream or a playing video, to collect examples from and to classify, at the size of the video:
 * each is taken when it is asked for, so that nobody gets late ones. Whoever takes a frame closes it. They end with the
 * video or the stream, whose tracks stay as they are. Needs a page.
 *
 *     const stream = await navigator.mediaDevices.getUserMedia({ video: true });
 *     for await (const frame of framesOf(stream, { fps: 5 })) {
 *       const probabilities = await predictor.classify([frame]);
 *       frame.close();
 *     }
 *
 * Throws DataError for options or a source that make no sense, and what the browser throws if the stream does not play.
 */
export async function* framesOf(
  source: MediaStream | HTMLVideoElement,
  { fps = 10, signal }: FramesOptions = {},
): AsyncGenerator<ImageBitmap, void, void> {
  if (!(fps > 0 && fps < Infinity)) {
    throw new DataError(`framesOf: fps must be finite and above 0 — got ${fps}`);
  }
  if (!(source instanceof MediaStream || source instanceof HTMLVideoElement)) {
    throw new DataError(`framesOf: takes a MediaStream or a video element — got ${String(source)}`);
  }
  const stream = source instanceof MediaStream ? source : undefined;
  const video = source instanceof MediaStream ? await playing(source) : source;
  try {
    for (;;) {
      const began = performance.now();
      signal?.throwIfAborted();
      if (video.ended || stream?.active === false) return;
      if (video.readyState >= video.HAVE_CURRENT_DATA) yield await createImageBitmap(video);
      await pause(1000 / fps - (performance.now() - began), signal);
    }
  } finally {
    if (stream) video.srcObject = null;
  }
}

/** A video that plays a stream without being shown. */
async function playing(stream: MediaStream): Promise<HTMLVideoElement> {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  return video;
}

/** Resolves after so long, and rejects as soon as the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      },
      Math.max(0, milliseconds),
    );
    signal?.addEventListener("abort", abort, { once: true });
  });
}
