/** Who has opened one page of the documentation can read all of it offline. */

/** Asks for each file once a service worker answers, which keeps what it is asked for. */
export async function keepAll(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("../service-worker.js");
    await controlled();
    const files = (await (await fetch("files.json")).json()) as string[];
    for (const file of files) {
      const kept = await caches.match(new URL(file, location.href).href, { ignoreVary: true });
      if (!kept) await (await fetch(file)).arrayBuffer();
    }
    document.documentElement.dataset.kept = "all";
  } catch (error) {
    // Private windows and full disks refuse; the pages work online.
    console.debug(error);
  }
}

function controlled(): Promise<void> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) return Promise.resolve();
  return new Promise((resolve) => {
    serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
  });
}
