import type { JobEvent } from "../../job/protocol.ts";

/** An event as a line of JSON, without bytes, pictures and long texts. */
export function jsonLine(event: JobEvent | { readonly type: string }, more: object = {}): string {
  const { type, ...rest } = event;
  const { bytes, planPicture, planText, ...plain } = rest as Partial<
    JobEvent & { type: "ready" } & { bytes: Uint8Array }
  >;
  return `${JSON.stringify({ event: type, ...plain, ...more })}\n`;
}
