/** A page of somebody else, in the same browser, tries all that the run's own page may do. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GpuBrowser, launchBrowser } from "../../src/cli/browser/browser.ts";
import { TUNING_FILE } from "../../src/cli/files.ts";
import { serveRun } from "../../src/cli/server/run-server.ts";
import type { LocalServer } from "../../src/cli/server/serve.ts";
import { metadataOf } from "../../src/job/job-metadata.ts";
import type { JobEvent } from "../../src/job/protocol.ts";
import { defaultSettings } from "../../src/job/settings.ts";
import { encodeSafetensors } from "../../src/weights/safetensors.ts";

const history = { steps: [], epochs: [], samples: [] };
const checkpoint = encodeSafetensors(new Map(), {
  ...metadataOf(defaultSettings, history),
  ...{ format: "webgraft", step: "0", epoch: "0", seed: "1", optimizer: "adamw" },
});
/** A sound table, which is worth refusing. */
const table = { format: "webgraft-tuning-2", device: "foreign", tuned: {}, failed: {} };
const kept = (): string => (existsSync(TUNING_FILE) ? readFileSync(TUNING_FILE, "utf8") : "");

let server: LocalServer;
let other: Server;
let started: GpuBrowser;
const received: JobEvent[] = [];

beforeAll(async () => {
  server = await serveRun(
    { settings: defaultSettings, resumed: checkpoint, onCheckpoint: (event) => received.push(event) },
    { weights: [] },
  );
  other = createServer((_, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Another page</title>");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  started = await launchBrowser("chrome");
});

afterAll(async () => {
  await started.close();
  await server.close();
  other.close();
  other.closeAllConnections();
});

/** In the page: what each attempt came to. */
async function attempts(root: string, body: number[], table: string): Promise<Record<string, string>> {
  const outcome = (work: () => Promise<string>): Promise<string> =>
    Promise.race([
      work().catch(() => "refused"),
      new Promise<string>((resolve) => setTimeout(resolve, 10_000, "no answer")),
    ]);
  const read = (path: string) => () =>
    fetch(root + path).then(async (response) => `${response.status}: ${(await response.text()).length > 0}`);
  const write = (path: string, init: RequestInit) => () =>
    fetch(root + path, init).then(({ type, status }) => `${type} ${status}`);
  const element = (name: "img" | "script" | "iframe", path: string) => () =>
    new Promise<string>((resolve) => {
      const made = document.body.appendChild(document.createElement(name));
      made.onload = () => {
        // A frame also loads the page of an error.
        const inside = made instanceof HTMLIFrameElement && made.contentDocument === null;
        resolve(inside ? "refused" : "loaded");
      };
      made.onerror = () => resolve("refused");
      made.src = root + path;
    });
  const form = () =>
    new Promise<string>((resolve) => {
      const frame = document.createElement("iframe");
      frame.name = "target";
      const made = document.body.appendChild(document.createElement("form"));
      made.method = "post";
      made.enctype = "text/plain";
      made.action = `${root}checkpoint`;
      made.target = document.body.appendChild(frame).name;
      frame.onload = () => resolve("sent");
      made.submit();
    });
  const bytes = new Uint8Array(body);
  const all: Record<string, () => Promise<string>> = {
    "read the page": read(""),
    "read the script": read("main.js"),
    "read the data": read("data/mnist/test-labels.idx.gz"),
    "read the checkpoint": read("checkpoint"),
    "read a table": read("tuning?device=a"),
    "show a file": element("img", "data/mnist/test-labels.idx.gz"),
    "run the script": element("script", "main.js"),
    "frame the page": element("iframe", ""),
    "write a checkpoint": write("checkpoint", { method: "POST", body: bytes }),
    "write a table": write("tuning?device=foreign", { method: "PUT", body: table }),
  };
  // What needs no permission; its answer cannot be read.
  const blind: Record<string, () => Promise<string>> = {
    "write a checkpoint blindly": write("checkpoint", { method: "POST", mode: "no-cors", body: bytes }),
    "write a table blindly": write("tuning?device=foreign", { method: "POST", mode: "no-cors", body: table }),
    "leave a checkpoint": async () => `${navigator.sendBeacon(`${root}checkpoint`, bytes)}`,
    "send a form": form,
  };
  const results: Record<string, string> = {};
  for (const [name, work] of Object.entries({ ...all, ...blind })) {
    const result = await outcome(work);
    if (name in all) results[name] = result;
  }
  return results;
}

test.each(["127.0.0.1", "localhost"])("a page of %s gets nothing and changes nothing", async (host) => {
  const page = await started.newPage();
  const before = kept();
  // Without the secret, and as if it had been found out.
  for (const root of [new URL("/", server.url).href, server.url]) {
    await page.goto(`http://${host}:${(other.address() as AddressInfo).port}/`);
    const results = await page.evaluate(attempts, root, [...checkpoint], JSON.stringify(table));
    expect(Object.keys(results).length).toBe(10);
    expect(new Set(Object.values(results))).toEqual(new Set(["refused"]));
  }
  expect(received).toEqual([]);
  expect(kept()).toBe(before);
  await page.close();
});

test("the run's own page may do all of it", async () => {
  const page = await started.newPage();
  await page.goto(server.url);
  await page.waitForFunction("window.startJob");
  const statuses = await page.evaluate(
    async (body) => {
      const of = async (path: string, init?: RequestInit) => (await fetch(path, init)).status;
      return [
        ...[await of("main.js"), await of("data/mnist/test-labels.idx.gz"), await of("checkpoint")],
        await of("checkpoint", { method: "POST", body: new Uint8Array(body) }),
      ];
    },
    [...checkpoint],
  );
  expect(statuses).toEqual([200, 200, 200, 200]);
  expect(received).toEqual([{ type: "checkpoint", step: 0, bytes: checkpoint }]);
});

test("what the page sends does not go through the browser's protocol, which has no room for it", async () => {
  const page = await started.newPage();
  await page.goto(server.url);
  // As large as the checkpoint of a ResNet-18, but nothing.
  const status = await page.evaluate(
    async () => (await fetch("checkpoint", { method: "POST", body: new Uint8Array(134_000_000) })).status,
  );
  expect(status).toBe(400);
  expect(await page.evaluate("1 + 1")).toBe(2);
});
