import { deserialize, serialize } from "node:v8";

/** A message as text: the channel between Node and Deno takes JSON only, and Vitest's messages hold maps and cycles. */
export const pack = (message: unknown): string => serialize(message).toString("base64");

export const unpack = (text: string): unknown => deserialize(Buffer.from(text, "base64"));
