/** Whether the page is online, and the service worker that lets it work when it is not. */
import { signal } from "@preact/signals";

export const isOffline = signal(false);

/** Whether a newer version waits for the tabs of this one to close. */
export const isUpdated = signal(false);

export function followNetwork(): void {
  const look = (): void => {
    isOffline.value = !navigator.onLine;
  };
  look();
  addEventListener("online", look);
  addEventListener("offline", look);
}

/** Only the built page has one: see demo/offline. */
export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register("service-worker.js");
    const look = (): void => {
      isUpdated.value = registration.waiting !== null;
    };
    const follow = (): void => registration.installing?.addEventListener("statechange", look);
    look();
    // One may have been found before this listens.
    follow();
    registration.addEventListener("updatefound", follow);
  } catch (error) {
    // Private windows and full disks refuse; the page works online.
    console.debug(error);
  }
}
