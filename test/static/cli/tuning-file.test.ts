import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type ViteDevServer } from "vite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tuningFile } from "../../../src/cli/tuning-file.ts";

const old = { format: "webgraft-tuning-1", device: "a", tuned: {}, failed: {} };

describe("the tuning file", () => {
  let folder: string;
  let path: string;
  let server: ViteDevServer;
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "webgraft-"));
    path = join(folder, "tuning.json");
    server = await createServer({
      ...{ root: folder, configFile: false, logLevel: "silent", plugins: [tuningFile(path)] },
      server: { port: 0 },
    });
    await server.listen();
  });
  afterEach(() => server.close());

  const url = (device: string): string => `${server.resolvedUrls!.local[0]}tuning?device=${device}`;
  const read = async (device: string): Promise<unknown> => (await fetch(url(device))).json();
  const write = (device: string, body: string): Promise<Response> =>
    fetch(url(device), { method: "PUT", body });
  const kept = (): unknown => JSON.parse(readFileSync(path, "utf8"));

  it("has nothing at first, then what was written for a device", async () => {
    expect(await read("a")).toBeNull();
    expect((await write("a", '{"a": 1}')).status).toBe(200);
    await write("b", '{"b": 2}');
    expect(await read("a")).toEqual({ a: 1 });
    expect(kept()).toEqual({ a: { a: 1 }, b: { b: 2 } });
  });

  it("keeps the tables of an earlier version that are of other devices", async () => {
    writeFileSync(path, JSON.stringify({ a: old, b: old }));
    expect(await read("a")).toEqual(old);
    await write("a", '{"a": 1}');
    expect(kept()).toEqual({ a: { a: 1 }, b: old });
  });

  it("puts aside a file that it cannot read, and says so", async () => {
    for (const text of ['{"a": {', "[1]"]) {
      writeFileSync(path, text);
      expect(await read("a")).toBeNull();
      expect((await write("a", '{"a": 1}')).status).toBe(200);
      expect(kept()).toEqual({ a: { a: 1 } });
      expect(readFileSync(`${path}.unreadable`, "utf8")).toBe(text);
      expect(warn.mock.lastCall?.join(" ")).toContain(`${path}.unreadable`);
    }
  });

  it("survives what is no table", async () => {
    await write("a", '{"a": 1}');
    expect((await write("b", "{")).status).toBe(400);
    expect(warn.mock.lastCall?.join(" ")).toContain("not kept");
    expect(kept()).toEqual({ a: { a: 1 } });
    expect(readdirSync(folder).filter((name) => name.startsWith("tuning"))).toEqual(["tuning.json"]);
  });
});
