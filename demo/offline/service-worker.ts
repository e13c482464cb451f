/**
 * Lets the page work offline after the first visit. A version of the page has a cache of its own: its files, of which
 * the names hold hashes, from the first visit on, and data once they were used. A new version waits until no tab has
 * the one before, and then removes its cache, so that versions never mix.
 */

/** The files of this build besides the page, and a name for them all: `demo/build/offline.ts` puts them in. */
declare const FILES: readonly string[];
declare const VERSION: string;

const worker = self as unknown as ServiceWorkerGlobalScope;

const PREFIX = `webgraft ${worker.registration.scope} `;
const CACHE = PREFIX + VERSION;

/** The page; its other name is index.html. */
const PAGE = new URL("./", worker.registration.scope).href;

worker.addEventListener("install", (event) => event.waitUntil(keepFiles()));

worker.addEventListener("activate", (event) => event.waitUntil(takeOver()));

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(PAGE)) event.respondWith(answer(event));
});

/** All or nothing; rejects when the server has a newer version by now, and the browser tries again at the next visit. */
async function keepFiles(): Promise<void> {
  const cache = await caches.open(CACHE);
  const fresh = (file: string): Request => new Request(new URL(file, PAGE), { cache: "reload" });
  await cache.addAll(["./", ...FILES].map(fresh));
  const page = await (await cache.match(PAGE))!.text();
  const scripts = [...page.matchAll(/src="\.\/([^"]+\.js)"/g)].map(([, name]) => name!);
  if (!scripts.every((name) => FILES.includes(name))) {
    await caches.delete(CACHE);
    throw new Error("service worker: the page is of another version");
  }
}

async function takeOver(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  // The page of the first visit, too, so that the data it loads are kept.
  await worker.clients.claim();
}

async function answer(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const [address] = request.url.split(/[?#]/);
  const file = address === `${PAGE}index.html` ? PAGE : address!;
  const cache = await caches.open(CACHE);
  const kept = await cache.match(file, { ignoreVary: true });
  if (kept) return kept;
  const response = await fetch(request);
  // A part of a file is not the file.
  if (response.status === 200) {
    // A full disk is no reason to fail.
    event.waitUntil(cache.put(file, response.clone()).catch(() => {}));
  }
  return response;
}
