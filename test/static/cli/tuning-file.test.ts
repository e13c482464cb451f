import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LocalServer, serve } from "../../../src/cli/server/serve.ts";
import { tuningFile } from "../../../src/cli/server/tuning-file.ts";

const table = (device: string) => ({ format: "webgraft-tuning-2", device, tuned: {}, failed: {} });
const text = (device: string): string => JSON.stringify(table(device));
const old = { format: "webgraft-tuning-1", device: "a", tuned: {}, failed: {} };

describe("the tuning file", () => {
  let folder: string;
  let path: string;
  let server: LocalServer;
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "webgraft-"));
    path = join(folder, "tuning.json");
    server = await serve([tuningFile(path)]);
  });
  afterEach(() => server.close());

  const url = (device: string): string => `${server.url}tuning?device=${device}`;
  const read = async (device: string): Promise<unknown> => (await fetch(url(device))).json();
  const write = (device: string, body: string): Promise<Response> =>
    fetch(url(device), { method: "PUT", body });
  const kept = (): unknown => JSON.parse(readFileSync(path, "utf8"));

  it("has nothing at first, then what was written for a device", async () => {
    expect(await read("a")).toBeNull();
    expect((await write("a", text("a"))).status).toBe(200);
    await write("b", text("b"));
    expect(await read("a")).toEqual(table("a"));
    expect(kept()).toEqual({ a: table("a"), b: table("b") });
  });

  it("keeps the tables of an earlier version that are of other devices", async () => {
    writeFileSync(path, JSON.stringify({ a: old, b: old }));
    expect(await read("a")).toEqual(old);
    await write("a", text("a"));
    expect(kept()).toEqual({ a: table("a"), b: old });
  });

  it("puts aside a file that it cannot read, and says so", async () => {
    for (const broken of ['{"a": {', "[1]"]) {
      writeFileSync(path, broken);
      expect(await read("a")).toBeNull();
      expect((await write("a", text("a"))).status).toBe(200);
      expect(kept()).toEqual({ a: table("a") });
      expect(readFileSync(`${path}.unreadable`, "utf8")).toBe(broken);
      expect(warn.mock.lastCall?.join(" ")).toContain(`${path}.unreadable`);
    }
  });

  it.each([
    ["what is no JSON", "{", /^tuning table: /],
    ["what is no table", '{"a": 1}', /format must be webgraft-tuning-2/],
    [
      "times that are no numbers",
      { tuned: { conv: { variant: "x", milliseconds: "1", gain: 1 } } },
      /^tuning table: .*milliseconds/,
    ],
    ["the table of another device", { device: "b" }, /is of b, not of a/],
    ["more than 16 MiB", " ".repeat(2 ** 24 + 1), /has more than 16777216 bytes/],
  ])("refuses %s and writes nothing", async (_, given, message) => {
    await write("a", text("a"));
    const before = readFileSync(path);
    const body = typeof given === "string" ? given : JSON.stringify({ ...table("a"), ...given });
    const response = await write("a", body);
    expect([response.status, await response.text()]).toEqual([
      body.length > 2 ** 24 ? 413 : 400,
      expect.stringMatching(message),
    ]);
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.startsWith("tuning"))).toEqual(["tuning.json"]);
  });

  it.each(["__proto__", "constructor"])("has no table of the device %s", async (device) => {
    await write("a", text("a"));
    expect(await read(device)).toBeNull();
  });

  it("says what keeps it from writing, and goes on", async () => {
    mkdirSync(join(folder, `tuning.json.${process.pid}`));
    expect((await write("a", text("a"))).status).toBe(500);
    expect(warn.mock.lastCall?.join(" ")).toContain("not kept");
    expect(await read("a")).toBeNull();
  });
});
