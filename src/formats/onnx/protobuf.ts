/**
 * The protobuf wire format, without schemas: a message is a list of fields, each with a number, a wire type and a
 * value. https://protobuf.dev/programming-guides/encoding/. Reading trusts nothing in a file: a length is checked
 * against the message around it before it is used, and nothing is copied.
 */
import { concatenate } from "../../base/bytes.ts";
import { WeightsError } from "../../base/errors.ts";

/** Wire types; 3 and 4 are the obsolete groups, which nothing here uses. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Limit on messages within messages; ONNX needs about six. */
const MAX_DEPTH = 32;

/** Protobuf's own limit on a message. */
const MAX_BYTES = 2 ** 31 - 1;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A message within a file. Iterating over it gives its fields, in the file's order. */
export class Message implements Iterable<Field> {
  readonly file: Uint8Array;
  /** The file's name in errors. */
  readonly source: string;
  /** Where the message is, such as `graph.node[3]`; empty for the outermost. */
  readonly path: string;
  readonly depth: number;
  readonly #span: Span;

  constructor(
    file: Uint8Array,
    source: string,
    path = "",
    span: Span = { start: 0, end: file.length },
    depth = 0,
  ) {
    this.file = file;
    this.source = source;
    this.path = path;
    this.depth = depth;
    this.#span = span;
    if (depth > MAX_DEPTH) this.fail(`messages are nested more than ${MAX_DEPTH} deep`);
  }

  fail(reason: string): never {
    throw new WeightsError(`${this.source}: ${this.path ? `${this.path}: ` : ""}${reason}`);
  }

  *[Symbol.iterator](): Generator<Field> {
    const bytes = new Bytes(this, this.#span);
    while (!bytes.done) {
      const key = Number(bytes.varint());
      const number = Math.floor(key / 8);
      if (number < 1 || number > 2 ** 29 - 1) this.fail(`a field has the number ${number}`);
      switch (key % 8) {
        case VARINT:
          yield new Field(this, number, bytes.varint());
          break;
        case FIXED64:
          yield new Field(this, number, bytes.skip(8), 8);
          break;
        case FIXED32:
          yield new Field(this, number, bytes.skip(4), 4);
          break;
        case LENGTH_DELIMITED:
          yield new Field(this, number, bytes.skip(Number(bytes.varint())));
          break;
        default:
          this.fail(`field ${number} has the unknown wire type ${key % 8}`);
      }
    }
  }
}

/** A cursor over a span of a message. */
class Bytes {
  readonly #message: Message;
  readonly #end: number;
  #at: number;

  constructor(message: Message, { start, end }: Span) {
    this.#message = message;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  varint(): bigint {
    const start = this.#at;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.done)
        this.#message.fail(`ends in the middle of a number, at byte ${start}; it may be cut short`);
      const byte = this.#message.file[this.#at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return this.#message.fail(`a number at byte ${start} is longer than ten bytes`);
  }

  skip(length: number): Span {
    const start = this.#at;
    if (length > this.#end - start) {
      const reason = `${length} bytes at byte ${start} run beyond the end at ${this.#end}; it may be cut short`;
      this.#message.fail(reason);
    }
    this.#at = start + length;
    return { start, end: this.#at };
  }
}

/** A field. Each method reads it as one type, and throws WeightsError if its wire type does not allow that. */
export class Field {
  readonly number: number;
  readonly #message: Message;
  readonly #value: bigint | Span;
  readonly #fixed: 4 | 8 | undefined;

  constructor(message: Message, number: number, value: bigint | Span, fixed?: 4 | 8) {
    this.number = number;
    this.#message = message;
    this.#value = value;
    this.#fixed = fixed;
  }

  /** An int32, int64 or enum; rounded beyond 2⁵³. */
  int(): number {
    const value = this.#value;
    if (typeof value !== "bigint") return this.#fail("a whole number");
    return Number(BigInt.asIntN(64, value));
  }

  float(): number {
    const value = this.#value;
    if (typeof value === "bigint" || this.#fixed !== 4) return this.#fail("a float");
    return this.#view(value).getFloat32(0, true);
  }

  /** The bytes themselves: a view into the file. */
  bytes(): Uint8Array {
    const { start, end } = this.#delimited("bytes");
    return this.#message.file.subarray(start, end);
  }

  text(): string {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes());
    } catch (cause) {
      if (cause instanceof WeightsError) throw cause;
      return this.#fail("text in UTF-8");
    }
  }

  /** The message in this field; `name` is what its parent calls it. */
  message(name: string): Message {
    const { file, source, path, depth } = this.#message;
    return new Message(
      file,
      source,
      path ? `${path}.${name}` : name,
      this.#delimited("a message"),
      depth + 1,
    );
  }

  /** What this field adds to a list of whole numbers: one number, or a packed run. */
  ints(): number[] {
    if (typeof this.#value === "bigint") return [this.int()];
    const bytes = new Bytes(this.#message, this.#delimited("whole numbers"));
    const values: number[] = [];
    while (!bytes.done) values.push(Number(BigInt.asIntN(64, bytes.varint())));
    return values;
  }

  /** What this field adds to a list of floats: one number, or a packed run. */
  floats(): Float32Array {
    return new Float32Array(this.fixed(4).slice().buffer);
  }

  /** The bytes that this field adds to a list of numbers of `width` bytes. */
  fixed(width: number): Uint8Array {
    const value = this.#value;
    if (typeof value === "bigint") return this.#fail("floating-point numbers");
    const { start, end } = value;
    if ((this.#fixed ?? width) !== width || (end - start) % width !== 0) {
      return this.#fail(`numbers of ${width} bytes`);
    }
    return this.#message.file.subarray(start, end);
  }

  #view({ start, end }: Span): DataView {
    const { file } = this.#message;
    return new DataView(file.buffer, file.byteOffset + start, end - start);
  }

  #delimited(expected: string): Span {
    const value = this.#value;
    if (typeof value === "bigint" || this.#fixed) return this.#fail(expected);
    return value;
  }

  #fail(expected: string): never {
    return this.#message.fail(`field ${this.number} is not ${expected}`);
  }
}

/** Writes a message, field by field. Keeps references to the bytes, which `finish` copies once. */
export class MessageWriter {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  int(field: number, value: number): this {
    return this.#key(field, VARINT).#push(varint(value));
  }

  float(field: number, value: number): this {
    return this.#key(field, FIXED32).#push(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#key(field, LENGTH_DELIMITED).#push(varint(value.length)).#push(value);
  }

  /** A packed list. */
  ints(field: number, values: readonly number[]): this {
    return this.bytes(field, concatenate(values.map(varint)));
  }

  message(field: number, write: (writer: MessageWriter) => void): this {
    const inner = new MessageWriter();
    write(inner);
    this.#key(field, LENGTH_DELIMITED).#push(varint(inner.#length));
    for (const chunk of inner.#chunks) this.#push(chunk);
    return this;
  }

  finish(): Uint8Array<ArrayBuffer> {
    if (this.#length > MAX_BYTES) {
      throw new WeightsError(
        `protobuf: a message must have at most ${MAX_BYTES} bytes — got ${this.#length}`,
      );
    }
    return concatenate(this.#chunks);
  }

  #key(field: number, wireType: number): this {
    return this.#push(varint(field * 8 + wireType));
  }

  #push(chunk: Uint8Array): this {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Uint8Array.of(...bytes, Number(rest));
}
