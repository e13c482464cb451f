/** `npm start` serves the demo to its own page, not this repository to every page. */
import { type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

let server: ViteDevServer;
beforeAll(async () => {
  server = await createServer({
    configFile: `${root}vite.config.ts`,
    server: { port: 0, watch: null, ws: false },
    logLevel: "silent",
  });
  await server.listen();
});
afterAll(() => server.close());

/** Sends exactly these headers, which `fetch` would not. */
const ask = (path: string, headers: Record<string, string>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { port } = server.httpServer!.address() as AddressInfo;
    request({ host: "localhost", port, path, headers }, (response) => resolve(response.resume()))
      .on("error", reject)
      .end();
  });

it.each([
  ["/", 200],
  ["/main.ts", 200],
  ["/data/mnist/test-labels.idx.gz", 200],
  [`/@fs${root}src/index.ts`, 200],
  [`/@fs${root}package.json`, 403],
  [`/@fs${root}package.json?import&raw`, 403],
  [`/@fs${root}test/support/fixtures/weights/resnet.safetensors.index.json`, 403],
  ["/%zz", 404],
])("%s is %i, and no page from another port may read it", async (path, status) => {
  const { statusCode, headers } = await ask(path, { origin: "http://localhost:1" });
  expect([statusCode, headers["access-control-allow-origin"]]).toEqual([status, undefined]);
});

it("a name that is made to mean this machine is refused", async () => {
  for (const path of ["/", "/data/mnist/test-labels.idx.gz"]) {
    expect((await ask(path, { host: "example.org" })).statusCode).toBe(403);
  }
});
