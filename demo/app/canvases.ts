/** What canvases show can be lost, as when the browser's GPU process ends; then it must be drawn again. */
import { signal } from "@preact/signals";

/** How often canvases have got their contexts back. Whatever draws one reads it. */
export const restored = signal(0);

// The event does not bubble.
addEventListener(
  "contextrestored",
  () => {
    restored.value++;
  },
  true,
);
