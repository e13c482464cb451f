export interface ImageHeader {
  readonly format: "png" | "jpeg";
  readonly width: number;
  readonly height: number;
}

/** The format and size of a PNG or JPEG file; undefined for anything else. (ISO/IEC 15948, ITU-T T.81.) */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return readPng(view) ?? readJpeg(view);
}

function readPng(view: DataView): ImageHeader | undefined {
  // The signature, then the chunk IHDR with its length of 13.
  const start = [0x89504e47, 0x0d0a1a0a, 13, 0x49484452];
  if (view.byteLength < 24 || start.some((word, i) => view.getUint32(4 * i) !== word)) return undefined;
  return { format: "png", width: view.getUint32(16), height: view.getUint32(20) };
}

/** Walks the segments up to the frame header. */
function readJpeg(view: DataView): ImageHeader | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 <= view.byteLength) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff) return undefined;
    const isFill = marker === 0xff;
    const isAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    // In this range are also the tables of Huffman and arithmetic codes, and a reserved marker.
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { format: "jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += isFill ? 1 : isAlone ? 2 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}
