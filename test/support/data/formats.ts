/** Tiny images of the formats that browsers read, besides PNG: what files say, not what they are called. */

const stored = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** 24-bit BMP of one grey: a header of 54 bytes, rows of a multiple of four bytes. */
function bmp(width: number, height: number): Uint8Array<ArrayBuffer> {
  const pixels = height * 4 * Math.ceil((3 * width) / 4);
  const bytes = new Uint8Array(54 + pixels).fill(128, 54);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  for (const [at, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, width],
    [22, height],
    [26, 1 + (24 << 16)],
    [34, pixels],
  ] as const)
    view.setUint32(at, value, true);
  return bytes;
}

/** By what they are; `size` is width and height. */
export const tinyImages = [
  {
    what: "gif",
    format: "gif",
    size: [1, 1],
    bytes: stored("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="),
  },
  { what: "bmp", format: "bmp", size: [3, 2], bytes: bmp(3, 2) },
  {
    ...{ what: "lossless webp", format: "webp", size: [1, 1] },
    bytes: stored("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="),
  },
  {
    ...{ what: "lossy webp", format: "webp", size: [1, 1] },
    bytes: stored("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"),
  },
  {
    ...{ what: "webp with alpha", format: "webp", size: [1, 1] },
    bytes: stored(
      "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA==",
    ),
  },
  {
    ...{ what: "avif", format: "avif", size: [2, 2] },
    bytes: stored(
      "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADybWV0YQAAAAAAAAAoaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAGxpYmF2" +
        "aWYAAAAADnBpdG0AAAAAAAEAAAAeaWxvYwAAAABEAAABAAEAAAABAAABGgAAAB0AAAAoaWluZgAAAAAAAQAAABppbmZlAgAAAAABAABhdjAx" +
        "Q29sb3IAAAAAamlwcnAAAABLaXBjbwAAABRpc3BlAAAAAAAAAAIAAAACAAAAEHBpeGkAAAAAAwgICAAAAAxhdjFDgQ0MAAAAABNjb2xybmNs" +
        "eAACAAIAAYAAAAAXaXBtYQAAAAAAAAABAAEEAQKDBAAAACVtZGF0EgAKCBgANogQEAwgMg8f8D///8WfhwB8+ErK42A=",
    ),
  },
] as const;
