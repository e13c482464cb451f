/** The address holds the place and the exact run: `#/race?depth=50&images=600`. */
import { effect, signal } from "@preact/signals";
import { type RaceSettings, readSettings, writeSettings } from "../runs/settings.ts";

export const places = ["race", "inspect", "compare", "images"] as const;

export type Place = (typeof places)[number];

export const place = signal<Place>("race");

/** Of the next race. */
export const settings = signal<RaceSettings>(readSettings(new URLSearchParams()).settings);

/** Changes settings of the next race; rates that were changed at steps of the last one are no longer meant. */
export function choose(change: Partial<RaceSettings>): void {
  settings.value = { ...settings.value, rates: [], ...change };
}

/** What a link asked for that there is not. */
export const refused = signal<readonly string[]>([]);

/** Whether a lesson's link hides the controls of the settings: `lesson=yes`. */
export const lesson = signal(false);

/** The address of a place with the given settings, for links and for the bar. */
export function addressOf(to: Place, of: RaceSettings = settings.value): string {
  const query = writeSettings(of);
  if (lesson.value) query.set("lesson", "yes");
  const text = query.toString();
  return `#/${to}${text && "?"}${text}`;
}

function read(): void {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const given = new URLSearchParams(query);
  const found = readSettings(given);
  place.value = places.find((name) => name === path) ?? "race";
  settings.value = found.settings;
  refused.value = found.refused;
  lesson.value = given.get("lesson") === "yes";
}

/** Keeps address and signals the same. */
export function followAddress(): void {
  read();
  addEventListener("hashchange", read);
  effect(() => {
    const address = addressOf(place.value);
    if (address !== location.hash) history.replaceState(null, "", address);
  });
}
