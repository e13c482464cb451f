/** The command line's server gives its page what it needs, and others nothing. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { createConnection, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { scanImageFolder } from "../../../src/cli/data/image-folder.ts";
import { serveRun } from "../../../src/cli/server/run-server.ts";
import type { LocalServer } from "../../../src/cli/server/serve.ts";
import { metadataOf } from "../../../src/job/job-metadata.ts";
import type { JobEvent } from "../../../src/job/protocol.ts";
import { defaultSettings, type JobSettings } from "../../../src/job/settings.ts";
import { encodeSafetensors } from "../../../src/weights/safetensors.ts";
import { png } from "../../support/data/png.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-server-"));
const images = join(scratch, "images");
const weights = join(scratch, "weights.safetensors");

const settings: JobSettings = { ...defaultSettings, examples: 64, batch: 32 };
const record = (step: number) => ({ step, loss: 1, accuracy: 0.5, milliseconds: 3 });

/** A checkpoint of a run after some steps. */
const checkpoint = (step: number, changes: Partial<JobSettings> = {}, more: Record<string, string> = {}) =>
  encodeSafetensors(new Map([["fc.bias", { shape: [2], data: Float32Array.of(step, 2) }]]), {
    ...metadataOf({ ...settings, ...changes }, { steps: [record(step)], epochs: [], samples: [] }),
    ...{ format: "webgraft", step: `${step}`, epoch: "0", seed: "1", optimizer: "adamw", ...more },
  });
const resumed = checkpoint(2);

let server: LocalServer;
let received: JobEvent[];
let origin: string;

beforeAll(async () => {
  for (const name of ["cat", "dog"]) {
    mkdirSync(join(images, name), { recursive: true });
    for (const i of [1, 2, 3])
      writeFileSync(
        join(images, name, `${i}.png`),
        png(i, 1, () => [0, 0, 0]),
      );
  }
  writeFileSync(weights, "0123456789");
  const files = { folder: scanImageFolder(images, 1), weights: [weights] };
  const onCheckpoint = (event: JobEvent) => received.push(event);
  server = await serveRun({ settings, resumed, onCheckpoint }, files);
  ({ origin } = new URL(server.url));
});
beforeEach(() => {
  received = [];
});
afterAll(async () => {
  await server.close();
  rmSync(scratch, { recursive: true });
});

/** Sends exactly this path and these headers, which `fetch` would not. */
const ask = (
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
  body = "",
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    request({ hostname, port, path, headers, method }, (response: IncomingMessage) => {
      let text = "";
      response.setEncoding("latin1").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    })
      .on("error", reject)
      .end(body);
  });
interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}
const inside = (path: string): string => new URL(server.url).pathname + path;

/** All that the page reads. */
const readable = [
  "",
  "main.js",
  "data/mnist/test-labels.idx.gz",
  "data/folder/index.json",
  "data/folder/train/0",
].concat(["weights/0/weights.safetensors", "checkpoint", "tuning?device=a"]);

describe("the page", () => {
  it.each(readable)("gets %s, which no other origin may read", async (path) => {
    const { status, headers } = await ask(inside(path), { origin, "sec-fetch-site": "same-origin" });
    expect(status).toBe(200);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(headers).toMatchObject({
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
    expect((await ask(inside(path), {}, "HEAD")).text).toBe("");
  });

  it("is one script with all that it imports", async () => {
    const { text } = await ask(inside("main.js"));
    expect(text).toContain("startJob");
    expect(text).not.toMatch(/^import\b/m);
  });

  it("has an address that is long, another one for each run, and of this machine alone", async () => {
    const other = await serveRun({ settings, resumed: undefined, onCheckpoint() {} }, { weights: [] });
    const [one, two] = [server, other].map(
      ({ url }) => /^http:\/\/127\.0\.0\.1:\d+\/([\w-]{40,})\/$/.exec(url)![1],
    );
    expect(one).not.toBe(two);
    await other.close();
    const port = Number(new URL(server.url).port);
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((each) => !each!.internal);
    for (const host of ["::1", ...(outer ? [outer.address] : [])]) {
      await expect(connect(host, port)).rejects.toThrow();
    }
  });
});

const connect = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, timeout: 2000 }, () => resolve(socket.destroy()));
    socket.on("error", reject).on("timeout", () => socket.destroy(new Error("timeout")));
  });

describe("others", () => {
  const foreign: [string, Record<string, string>][] = [
    ["a page from another port", { origin: "http://127.0.0.1:1" }],
    ["a page from elsewhere", { origin: "https://example.org" }],
    ["a page without an origin", { origin: "null" }],
    ["a form or an image of another site", { "sec-fetch-site": "cross-site" }],
    ["a form or an image of another port", { "sec-fetch-site": "same-site" }],
    ["a name that is made to mean this machine", { host: "example.org" }],
    ["another name of this machine", { host: "localhost" }],
  ];
  it.each(foreign)("%s gets nothing, even if it knows the secret", async (_, headers) => {
    for (const path of readable) expect((await ask(inside(path), headers)).status).toBe(403);
    const writes = [
      await ask(inside("checkpoint"), headers, "POST", checkpoint(3).toString()),
      await ask(inside("tuning?device=a"), headers, "PUT", "{}"),
      await ask(inside("tuning?device=a"), headers, "POST", "{}"),
      await ask(inside("checkpoint"), headers, "OPTIONS"),
    ];
    expect(writes.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(received).toEqual([]);
  });

  it("get nothing without the secret, and are not told of it", async () => {
    const secret = new URL(server.url).pathname.slice(1, -1);
    const wrong = `/${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}/`;
    for (const path of readable.flatMap((path) => [`/${path}`, `${wrong}${path}`, `//${path}`])) {
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(JSON.stringify(answer)).not.toContain(secret);
    }
  });

  it.each([
    "@fs/etc/passwd",
    "@fs/package.json",
    "@vite/client",
    "@id/vite",
    "main.ts",
    "main.js.map",
    "../package.json",
    "..%2f..%2fpackage.json",
    "%2e%2e/package.json",
    "__proto__",
    "constructor",
    "data/fashion/test-labels.idx.gz",
    "data/mnist/test-labels.idx.gz/..",
    "data/mnist/test-images-05.idx.gz",
    "data/folder/train/99",
    "data/folder/train/-1",
    "data/folder/../../weights.safetensors",
    "weights/1/weights.safetensors",
    "weights/0/server.test.ts",
    "checkpoint/",
    "nothing",
  ])("find no other file: %s", async (path) => {
    expect((await ask(inside(path))).status).toBe(404);
  });
});

describe("a request", () => {
  it.each(["/%zz", "/%", "/%c3%28", "%zz"])("for the malformed address %s is refused", async (path) => {
    expect((await ask(path)).status).toBe(400);
    expect((await ask(inside(path.slice(1)))).status).toBe(path.startsWith("/") ? 400 : 404);
  });

  it.each([
    ["DELETE", "checkpoint", "GET, POST"],
    ["POST", "tuning?device=a", "GET, PUT"],
    ["POST", "", "GET, HEAD"],
    ["PUT", "data/folder/index.json", "GET, HEAD"],
    ["POST", "data/mnist/test-labels.idx.gz", "GET, HEAD"],
  ])("%s %s is told what it may do", async (method, path, allow) => {
    const { status, headers } = await ask(inside(path), {}, method);
    expect([status, headers.allow]).toEqual([405, allow]);
  });

  it.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=8-99", 206, "89", "bytes 8-9/10"],
    ["bytes=9-", 206, "9", "bytes 9-9/10"],
    ["bytes=10-", 416, "there are 10 bytes\n", "bytes */10"],
    ["bytes=99999999999999999999999-", 416, "there are 10 bytes\n", "bytes */10"],
    ["bytes=4-2", 200, "0123456789", undefined],
    ["bytes=-3", 200, "0123456789", undefined],
    ["bytes=0-1,3-4", 200, "0123456789", undefined],
    ["bytes=a-b", 200, "0123456789", undefined],
    ["lines=1-2", 200, "0123456789", undefined],
    ["bytes=", 200, "0123456789", undefined],
  ])("for the range %s gets %i", async (range, status, text, contentRange) => {
    const answer = await ask(inside("weights/0/weights.safetensors"), { range });
    expect([answer.status, answer.text, answer.headers["content-range"]]).toEqual([
      status,
      text,
      contentRange,
    ]);
  });

  it("for a range of an earlier version of a file gets the whole one of now", async () => {
    const path = inside("weights/0/weights.safetensors");
    const { etag } = (await ask(path)).headers;
    const range = "bytes=2-4";
    expect((await ask(path, { range, "if-range": etag! })).text).toBe("234");
    expect((await ask(path, { range, "if-range": '"before"' })).text).toBe("0123456789");
  });
});

describe("a checkpoint", () => {
  const send = (body: BodyInit) => fetch(`${server.url}checkpoint`, { method: "POST", body });

  it("goes to the page and comes from it", async () => {
    expect(new Uint8Array(await (await fetch(`${server.url}checkpoint`)).arrayBuffer())).toEqual(resumed);
    const bytes = checkpoint(3);
    expect((await send(bytes)).status).toBe(200);
    expect((await send(bytes)).status).toBe(200); // When the run is stopped, the last one comes again.
    expect(received).toEqual([3, 3].map((step) => ({ type: "checkpoint", step, bytes })));
  });

  it.each<[string, BodyInit, RegExp]>([
    ["nothing", "", /checkpoint: is empty/],
    ["text", "something else", /not a safetensors file/],
    ["half of one", checkpoint(9).slice(0, -4), /cut short|of data/],
    ["a model without settings", encodeSafetensors(new Map(), { format: "webgraft" }), /is not a checkpoint/],
    ["one of another run", checkpoint(9, { seed: 2 }), /is of a run with other settings/],
    ["one with a malformed history", checkpoint(9, {}, { history: "{}" }), /history/],
    ["an earlier one", checkpoint(1), /is of step 1, the last one was of step/],
  ])("is refused if it is %s", async (_, body, message) => {
    const response = await send(body);
    expect([response.status, await response.text()]).toEqual([400, expect.stringMatching(message)]);
    expect(received).toEqual([]);
  });

  it("is refused unread if it says that it is too large", async () => {
    const { status } = await ask(inside("checkpoint"), { "content-length": `${2 ** 33}` }, "POST");
    expect(status).toBe(413);
  });
});

it("an image of the folder is the one that its index names", async () => {
  const { train } = JSON.parse((await ask(inside("data/folder/index.json"))).text) as {
    train: { name: string }[];
  };
  const bytes = new Uint8Array(await (await fetch(`${server.url}data/folder/train/1`)).arrayBuffer());
  expect(bytes).toEqual(new Uint8Array(readFileSync(join(images, train[1]!.name))));
});
