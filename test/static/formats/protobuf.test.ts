import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { type Field, Message, MessageWriter } from "../../../src/formats/onnx/protobuf.ts";

const fieldsOf = (bytes: ArrayLike<number>): Field[] => [...new Message(Uint8Array.from(bytes), "file")];

describe("protobuf", () => {
  it("reads the examples of the format's documentation", () => {
    expect(fieldsOf([0x08, 0x96, 0x01])[0]!.int()).toBe(150);
    expect(fieldsOf([0x12, 0x07, ...new TextEncoder().encode("testing")])[0]!.text()).toBe("testing");
    const nested = fieldsOf([0x1a, 0x03, 0x08, 0x96, 0x01])[0]!;
    expect([...nested.message("c")][0]!.int()).toBe(150);
    const packed = fieldsOf([0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05])[0]!;
    expect([packed.number, packed.ints()]).toEqual([6, [3, 270, 86942]]);
  });

  it("reads what it wrote", () => {
    const file = new MessageWriter()
      .int(1, -1)
      .int(2, 2 ** 40)
      .float(3, 0.5)
      .text(4, "naïve – ünïcode")
      .ints(5, [0, -3, 128])
      .bytes(1000, Uint8Array.of(1, 2))
      .message(7, (m) => m.message(1, (inner) => inner.float(1, -2)))
      .finish();
    const [a, b, c, d, e, f, g] = fieldsOf(file);
    expect([a!.int(), b!.int(), c!.float(), d!.text()]).toEqual([-1, 2 ** 40, 0.5, "naïve – ünïcode"]);
    expect(e!.ints()).toEqual([0, -3, 128]);
    expect([f!.number, [...f!.bytes()]]).toEqual([1000, [1, 2]]);
    expect([...[...g!.message("m")][0]!.message("inner")][0]!.float()).toBe(-2);
  });

  it.each([
    ["a number that is cut short", [0x08, 0x96], /file: ends in the middle of a number, at byte 1/],
    ["a number without end", [0x08, ...Array(11).fill(0xff)], /longer than ten bytes/],
    ["a length beyond the end", [0x0a, 0x05, 1, 2], /5 bytes at byte 2 run beyond the end at 4/],
    ["an absurd length", [0x0a, ...Array(9).fill(0xff), 0x01], /18446744073709552000 bytes at byte 11/],
    ["a float that is cut short", [0x0d, 0, 0], /4 bytes at byte 1/],
    ["a group", [0x0b, 0x0c], /field 1 has the unknown wire type 3/],
    ["the field 0", [0x00, 0x00], /number 0/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => fieldsOf(bytes)).toThrow(WeightsError);
    expect(() => fieldsOf(bytes)).toThrow(message);
  });

  it("refuses a field that is read as something else", () => {
    const [int, float, text] = fieldsOf([0x08, 1, 0x0d, 0, 0, 0, 0, 0x0a, 1, 0xff]);
    for (const read of [
      () => int!.text(),
      () => int!.floats(),
      () => float!.int(),
      () => float!.message("m"),
    ]) {
      expect(read).toThrow(WeightsError);
    }
    for (const read of [() => text!.int(), () => text!.float(), () => text!.floats(), () => text!.text()]) {
      expect(read).toThrow(/file: field 1 is not/);
    }
  });

  it("says where a message is that is nested too deep", () => {
    let file = Uint8Array.of();
    for (let i = 0; i < 100; i++) file = new MessageWriter().bytes(1, file).finish();
    const descend = (message: Message): void => {
      for (const field of message) descend(field.message("m"));
    };
    expect(() => descend(new Message(file, "file"))).toThrow(/^file: m\.m\.m.*nested more than 32 deep/);
  });

  it("reads any bytes or refuses them", () => {
    const visit = (message: Message): void => {
      for (const field of message) {
        for (const read of ["int", "float", "text", "bytes", "ints", "floats"] as const) {
          try {
            field[read]();
          } catch (error) {
            expect(error).toBeInstanceOf(WeightsError);
          }
        }
        visit(field.message("m"));
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          visit(new Message(bytes, "random"));
        } catch (error) {
          expect(error).toBeInstanceOf(WeightsError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
