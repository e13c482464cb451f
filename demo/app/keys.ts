/** Keys of the whole page. */
import { signal } from "@preact/signals";
import { lane } from "../inspect/state.ts";
import { lesson, place, settings } from "./address.ts";
import { openDrawer } from "./drawer.tsx";
import { openHelp } from "./help.tsx";
import { isOpen, pause, phase, resume, start, step } from "./studio.ts";

interface Key {
  /** What the keyboard has on it. */
  readonly shown: string;
  readonly does: string;
  /** Whether it is this key. */
  is(key: string): boolean;
  press(key: string): void;
}

export const keys: readonly Key[] = [
  {
    shown: "Space",
    does: "starts the race, holds it, goes on",
    is: (key) => key === " ",
    press() {
      if (!isOpen.value) void start();
      else if (phase.value === "paused") resume();
      else pause();
    },
  },
  {
    shown: "S",
    does: "one step of all lanes, then holds the race",
    is: (key) => key === "s",
    press() {
      if (isOpen.value) step();
    },
  },
  {
    shown: "D",
    does: "to the pad, to draw",
    is: (key) => key === "d",
    press() {
      place.value = "race";
      requestAnimationFrame(() => document.getElementById("pad")?.focus());
    },
  },
  {
    shown: "1–4",
    does: "inspects this lane, counted from the top",
    is: (key) => /^[1-4]$/.test(key),
    press(key) {
      if (Number(key) > settings.value.lanes.length) return;
      lane.value = Number(key) - 1;
      place.value = "inspect";
    },
  },
  {
    shown: ",",
    does: "all settings",
    is: (key) => key === ",",
    press() {
      if (!lesson.value) openDrawer();
    },
  },
  { shown: "?", does: "this help", is: (key) => key === "?", press: () => openHelp() },
];

const KEPT_AS = "webgraft keys";

/** Single keys can be in the way of speech input, so they can be turned off. */
export const keysAreOn = signal(true);

export function setKeys(on: boolean): void {
  keysAreOn.value = on;
  try {
    localStorage.setItem(KEPT_AS, on ? "on" : "off");
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

/** Controls that take any key, and those that take the space bar. */
const TYPED_IN = "input, select, textarea, dialog, [contenteditable]";
const PRESSED = "button, a, summary, [role], [tabindex='0']";

export function listenToKeys(): void {
  try {
    keysAreOn.value = localStorage.getItem(KEPT_AS) !== "off";
  } catch {
    // As above.
  }
  document.addEventListener("keydown", (event) => {
    const { key, target, repeat, ctrlKey, altKey, metaKey, defaultPrevented } = event;
    const at = target as Element;
    if (!keysAreOn.value || defaultPrevented || repeat || ctrlKey || altKey || metaKey) return;
    if (at.closest(TYPED_IN) || (key === " " && at.closest(PRESSED))) return;
    const found = keys.find((each) => each.is(key.toLowerCase()));
    if (!found) return;
    event.preventDefault();
    found.press(key);
  });
}
