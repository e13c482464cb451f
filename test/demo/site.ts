/** The built site, served from a sub-path as a plain file server would, in a real browser. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import { type GpuBrowser, launchBrowser } from "../../src/cli/browser/browser.ts";
import type { BrowserEngine } from "../../src/cli/engine/engines.ts";

const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));

export type SitePage = Awaited<ReturnType<GpuBrowser["newPage"]>>;

export interface Site {
  /** Of the page, without its hash. */
  readonly url: string;
  readonly started: GpuBrowser;
  /** Opens a new page at a hash such as `#/race?depth=8`, after a script of the test's own. */
  open(hash?: string, script?: string): Promise<SitePage>;
  /** Where the built files lie. */
  readonly folder: string;
  /** What pages opened here have complained about: console errors, exceptions, violations of the page's policy. */
  readonly complaints: string[];
  /** Ends the server, as if the network were gone. */
  disconnect(): Promise<void>;
  close(): Promise<void>;
}

/** Builds and serves the site, and starts a browser. */
export async function openSite(engine: BrowserEngine): Promise<Site> {
  const outDir = mkdtempSync(join(tmpdir(), "webgraft-site-"));
  // Vitest's NODE_ENV would make it a build for tests, without the service worker.
  const define = { "import.meta.env.PROD": "true" };
  await build({ configFile, define, build: { outDir }, logLevel: "silent" });
  const server = await preview({
    configFile,
    base: "/some/where/",
    build: { outDir },
    preview: { port: 0 },
    logLevel: "silent",
  });
  const started = await launchBrowser(engine);
  const url = server.resolvedUrls!.local[0]!;
  const complaints: string[] = [];
  return {
    url,
    started,
    folder: outDir,
    complaints,
    disconnect: () => server.close(),
    async open(hash = "", script = "") {
      const page = await started.newPage();
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await page.evaluateOnNewDocument(
        `addEventListener("securitypolicyviolation", (event) =>
          console.error(event.violatedDirective + " " + event.blockedURI));
        ${script}`,
      );
      await page.goto(url + hash);
      return page;
    },
    async close() {
      await started.close();
      await server.close();
      rmSync(outDir, { recursive: true });
    },
  };
}
