import { describe, expect, it } from "vitest";
import { decodeFloats, encodeHalf } from "../../../src/weights/dtypes.ts";
import { numpy } from "../../support/data/weights.ts";

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);
const decode = (dtype: string, array: ArrayBufferView): Float32Array => decodeFloats(dtype, bytesOf(array))!;

const allHalves = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** IEEE 754 as its text has it, for finite halves; apart from the code under test. */
function meaning(half: number): number {
  const digits = half.toString(2).padStart(16, "0");
  const exponent = Number.parseInt(digits.slice(1, 6), 2);
  const significand = Number.parseInt((exponent === 0 ? "0" : "1") + digits.slice(6), 2);
  return (digits[0] === "1" ? -1 : 1) * significand * 2 ** (Math.max(exponent, 1) - 25);
}

describe("half precision", () => {
  it("decodes all 65,536 halves", () => {
    const values = decode("F16", allHalves);
    allHalves.forEach((half) => {
      const special = (half & 0x7c00) === 0x7c00;
      const infinity = half & 0x8000 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      const expected = special ? (half & 0x3ff ? Number.NaN : infinity) : meaning(half);
      if (!Object.is(values[half], expected)) expect.fail(`${half}: ${values[half]}, not ${expected}`);
    });
  });

  it("decodes them to NumPy's bits", () => {
    const values = decode("F16", allHalves).filter((value) => !Number.isNaN(value));
    expect(bitsOf(values).reduce((sum, bits) => (sum + bits) % 2 ** 32, 0)).toBe(numpy.halfBitsSum);
  });

  it("gives back every half that it decoded", () => {
    const again = encodeHalf(decode("F16", allHalves));
    const isNan = (half: number): boolean => (half & 0x7fff) > 0x7c00;
    const wrong = allHalves.filter((half, i) => (isNan(half) ? again[i] !== 0x7e00 : again[i] !== half));
    expect([...wrong]).toEqual([]);
  });

  it("rounds to the nearest half, between two to the even one", () => {
    // Every pair of neighbours, their middle, and the f32 on either side of it.
    const word = new Float32Array(1);
    const bits = bitsOf(word);
    for (let half = 0; half < 0x7bff; half++) {
      word[0] = (meaning(half) + meaning(half + 1)) / 2;
      const middle = bits[0]!;
      const near = new Float32Array(Uint32Array.of(middle - 1, middle, middle + 1).buffer);
      const expected = [half, half + (half & 1), half + 1];
      for (const sign of [0, 0x8000]) {
        const got = encodeHalf(near.map((value) => (sign ? -value : value)));
        if (got.join() !== expected.map((e) => e | sign).join()) expect.fail(`after half ${half}: ${got}`);
      }
    }
  });

  it("rounds as NumPy does", () => {
    const { float, half } = numpy.rounding;
    expect([...encodeHalf(new Float32Array(Uint32Array.from(float).buffer))]).toEqual(half);
  });

  it("goes to infinity from 65,520 on, keeps the sign of zero, and has one NaN", () => {
    const values = [
      65504,
      65519.99,
      65520,
      -70000,
      Number.POSITIVE_INFINITY,
      -0,
      2 ** -25,
      -(2 ** -24),
      Number.NaN,
    ];
    expect([...encodeHalf(Float32Array.from(values))]).toEqual([
      0x7bff, 0x7bff, 0x7c00, 0xfc00, 0x7c00, 0x8000, 0, 0x8001, 0x7e00,
    ]);
  });
});

describe("other formats", () => {
  it("takes BF16 for the upper half of an f32", () => {
    const values = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0xff80, 0x8000);
    expect([...bitsOf(decode("BF16", values))]).toEqual([
      0x3f800000, 0xc0490000, 0x10000, 0xff800000, 0x80000000,
    ]);
    expect(decode("BF16", Uint16Array.of(0x7fc1))[0]).toBeNaN();
  });

  it("narrows F64", () => {
    const values = Float64Array.of(0.1, -1e300, 1e-46, 2 ** -149, Number.NaN);
    expect([...decode("F64", values)]).toEqual([
      Math.fround(0.1),
      Number.NEGATIVE_INFINITY,
      0,
      2 ** -149,
      Number.NaN,
    ]);
  });

  it("reads values that are not aligned", () => {
    const bytes = new Uint8Array(17);
    bytes.set(bytesOf(Float32Array.of(1.5, -2, 3, 4)), 1);
    expect([...decodeFloats("F32", bytes.subarray(1))!]).toEqual([1.5, -2, 3, 4]);
  });

  it("reads them out of Node's buffers, whose slices are no copies", () => {
    const buffer = Buffer.alloc(9);
    buffer.writeFloatLE(0.75, 1);
    buffer.writeFloatLE(-2, 5);
    expect([...decodeFloats("F32", buffer.subarray(1))!]).toEqual([0.75, -2]);
  });

  it("knows no integers", () => {
    for (const dtype of ["I64", "U8", "BOOL", "F8_E4M3", "toString"]) {
      expect(decodeFloats(dtype, new Uint8Array(8)), dtype).toBeUndefined();
    }
  });
});
