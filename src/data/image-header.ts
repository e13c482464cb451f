/** What image a file holds, by its first bytes: browsers read the same whatever a file is called. */

const formats = ["png", "jpeg", "gif", "webp", "avif", "bmp"] as const;

/** The formats that browsers read. */
export type ImageFormat = (typeof formats)[number];

export interface ImageHeader {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
}

/** The formats, for errors. */
export const FORMATS = "PNG, JPEG, GIF, WebP, AVIF or BMP";

/** As many bytes of a file tell its format, if there are so many. */
export const SIGNATURE_BYTES = 64;

type Extent = Omit<ImageHeader, "format">;

/** The format that the first bytes of a file tell; undefined for anything else than an image. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const view = viewOf(bytes);
  return formats.find((format) => readers[format].is(view));
}

/**
 * The format and size of an image file; undefined if it is none, or cut off before its size. (ISO/IEC 15948, ITU-T T.81,
 * GIF89a, RFC 9649, ISO/IEC 23008-12, Windows' BITMAPINFOHEADER.)
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const format = imageFormat(bytes);
  if (!format) return undefined;
  try {
    const extent = readers[format].extent(viewOf(bytes));
    return extent && { format, width: extent.width, height: extent.height };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // Cut off.
    throw error;
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Whether these Latin letters stand at a place. */
const says = (view: DataView, at: number, letters: string): boolean =>
  view.byteLength >= at + letters.length &&
  [...letters].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));

interface Reader {
  /** By the signature. */
  is(view: DataView): boolean;
  /** Throws RangeError, or gives undefined, where the file ends too early. */
  extent(view: DataView): Extent | undefined;
}

const readers: Readonly<Record<ImageFormat, Reader>> = {
  png: {
    is: (view) => says(view, 0, "\x89PNG\r\n\x1a\n"),
    // The chunk IHDR, of 13 bytes, is the first.
    extent: (view) =>
      says(view, 8, "\0\0\0\x0dIHDR") ? { width: view.getUint32(16), height: view.getUint32(20) } : undefined,
  },
  jpeg: { is: (view) => says(view, 0, "\xff\xd8\xff"), extent: jpegExtent },
  gif: {
    is: (view) => says(view, 0, "GIF87a") || says(view, 0, "GIF89a"),
    extent: (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  },
  webp: { is: (view) => says(view, 0, "RIFF") && says(view, 8, "WEBP"), extent: webpExtent },
  avif: { is: isAvif, extent: avifExtent },
  bmp: {
    // Two letters are few: two words that must be 0, and the size of the header that follows, tell it from text.
    is: (view) =>
      says(view, 0, "BM") &&
      view.byteLength >= 18 &&
      view.getUint32(6) === 0 &&
      [12, 40, 52, 56, 64, 108, 124].includes(view.getUint32(14, true)),
    extent: (view) =>
      view.getUint32(14, true) === 12
        ? { width: view.getUint16(18, true), height: view.getUint16(20, true) }
        : // The height is negative where rows go from the top down.
          { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) },
  },
};

/** Walks the segments up to the frame header. */
function jpegExtent(view: DataView): Extent | undefined {
  let at = 2;
  while (at + 9 <= view.byteLength) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff) return undefined;
    const isFill = marker === 0xff;
    const isAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    // In this range are also the tables of Huffman and arithmetic codes, and a reserved marker.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += isFill ? 1 : isAlone ? 2 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** Of the first chunk: lossy, lossless, or extended by alpha, animation or metadata. */
function webpExtent(view: DataView): Extent | undefined {
  if (says(view, 12, "VP8 ")) {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (says(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  if (!says(view, 12, "VP8X")) return undefined;
  const uint24 = (at: number): number => view.getUint16(at, true) + 65536 * view.getUint8(at + 2);
  return { width: 1 + uint24(24), height: 1 + uint24(27) };
}

/** One of the brands in the first box says so. */
function isAvif(view: DataView): boolean {
  if (!says(view, 4, "ftyp")) return false;
  const end = Math.min(view.getUint32(0), view.byteLength, SIGNATURE_BYTES);
  for (let at = 8; at + 4 <= end; at += 4) if (says(view, at, "avif") || says(view, at, "avis")) return true;
  return false;
}

/** The largest of the extents among the properties of the file's items: parts and thumbnails are smaller. */
function avifExtent(view: DataView): Extent | undefined {
  let found: Extent | undefined;
  const walk = (from: number, end: number): void => {
    for (let at = from; at + 8 <= end; ) {
      const size = view.getUint32(at);
      if (size < 8) return; // To the end of the file, or of 64 bits: no box before the properties is.
      const inside = Math.min(at + size, end);
      if (says(view, at + 4, "meta")) walk(at + 12, inside);
      else if (says(view, at + 4, "iprp") || says(view, at + 4, "ipco")) walk(at + 8, inside);
      else if (says(view, at + 4, "ispe")) {
        const extent = { width: view.getUint32(at + 12), height: view.getUint32(at + 16) };
        if (!found || extent.width * extent.height > found.width * found.height) found = extent;
      }
      at += size;
    }
  };
  walk(0, view.byteLength);
  return found;
}
