import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/** The entry of the build that is the service worker; browsers look for updates under a name that stays. */
export const SERVICE_WORKER = "service-worker";

/** Kept at the first visit; what else there is, such as data and weights, is kept once it was used. */
const AT_ONCE = /\.(js|css|svg|json)$/;

/** The documentation is kept as a whole once one of its pages was read. */
const LATER = /^docs\//;

/** Vite plugin: tells the service worker which files belong to its build. */
export function offline(): Plugin {
  return {
    name: "webgraft-offline",
    apply: "build",
    generateBundle: {
      // After Vite has written the page.
      order: "post",
      handler(_options, bundle) {
        const worker = bundle[`${SERVICE_WORKER}.js`];
        const page = bundle["index.html"];
        if (worker?.type !== "chunk" || page?.type !== "asset") {
          this.error("offline: the build has no service worker or no page");
        }
        const files = Object.keys(bundle)
          .filter((file) => AT_ONCE.test(file) && file !== worker.fileName && !LATER.test(file))
          .sort();
        const hash = createHash("sha256").update(files.join());
        // Their names hold no hashes.
        for (const file of Object.values(bundle)) {
          if (file.type === "asset" && /\.(html|json)$/.test(file.fileName)) hash.update(file.source);
        }
        const version = hash.digest("hex").slice(0, 12);
        worker.code = `const FILES=${JSON.stringify(files)},VERSION="${version}";${worker.code}`;
      },
    },
  };
}
