/** The webcam, which is asked for only when the visitor says so. */
import { effect, signal } from "@preact/signals";
import { place } from "../app/address.ts";

/** The picture that comes in; undefined while the camera is off. */
export const stream = signal<MediaStream | undefined>(undefined);

export const opening = signal(false);

/** Why there is no camera, and what to do. */
export const refusal = signal<string | undefined>(undefined);

export async function openCamera(): Promise<void> {
  if (stream.value || opening.value) return;
  refusal.value = undefined;
  opening.value = true;
  try {
    // Browsers have none on pages that came over plain http.
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const opened = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 640 }, facingMode: "environment" },
    });
    for (const track of opened.getTracks()) track.addEventListener("ended", closeCamera);
    stream.value = opened;
  } catch (error) {
    refusal.value = reasonOf(error as DOMException);
  } finally {
    opening.value = false;
  }
}

export function closeCamera(): void {
  for (const track of stream.value?.getTracks() ?? []) track.stop();
  stream.value = undefined;
}

function reasonOf({ name }: DOMException): string {
  switch (name) {
    case "NotAllowedError":
      return "The browser did not allow the camera. Allow it at the camera sign beside the address, and try again; files and folders work without it.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found. Connect one and try again; files and folders work without it.";
    case "NotReadableError":
    case "AbortError":
      return "The camera is in use by another program. Close that and try again.";
    case "SecurityError":
      return "The camera works only on https or this computer's own pages; files and folders work without it.";
    default:
      return `The camera did not start (${name}). Files and folders work without it.`;
  }
}

// The camera's light goes out with the place.
effect(() => {
  if (place.value !== "images") closeCamera();
});
