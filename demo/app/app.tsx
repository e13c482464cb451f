import { effect, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { RacePlace } from "../race/race.tsx";
import { type Place, place } from "./address.ts";
import { Drawer } from "./drawer.tsx";
import { Footer, Header } from "./header.tsx";
import { Help } from "./help.tsx";
import { States } from "./states.tsx";

/** Besides the first screen, places load when they are first visited. */
const loaders: Readonly<Record<Exclude<Place, "race">, () => Promise<ComponentType>>> = {
  inspect: async () => (await import("../inspect/inspect.tsx")).Inspect,
  compare: async () => (await import("../compare/compare.tsx")).Compare,
  images: async () => (await import("../images/images.tsx")).Images,
};

const views = signal<Partial<Record<Place, ComponentType>>>({ race: RacePlace });
const unloaded = signal<Place | undefined>(undefined);

async function load(name: Exclude<Place, "race">): Promise<void> {
  unloaded.value = undefined;
  try {
    const view = await loaders[name]();
    views.value = { ...views.value, [name]: view };
  } catch {
    unloaded.value = name;
  }
}

effect(() => {
  const name = place.value;
  if (name !== "race" && !views.peek()[name]) void load(name);
});

export function App() {
  const View = views.value[place.value];
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")!.focus()}>
        Skip to the content
      </button>
      <Header />
      <States />
      <main id="main" tabIndex={-1}>
        {View ? <View /> : <Loading name={place.value as Exclude<Place, "race">} />}
      </main>
      <Footer />
      <Drawer />
      <Help />
    </>
  );
}

function Loading({ name }: { readonly name: Exclude<Place, "race"> }) {
  if (unloaded.value !== name) return <p role="status">Loading…</p>;
  return (
    <p role="alert">
      This part of the page did not load. Are you offline?{" "}
      <button type="button" onClick={() => void load(name)}>
        Try again
      </button>
    </p>
  );
}

/** After a change of place, goes on reading at the heading of the new one. */
export function followPlace(): void {
  let last = place.peek();
  effect(() => {
    const now = place.value;
    const isThere = views.value[now] !== undefined;
    if (now === last || !isThere) return;
    last = now;
    // Once it is drawn.
    requestAnimationFrame(() => {
      const heading = document.querySelector<HTMLElement>("main h1");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus({ preventScroll: true });
      scrollTo(0, 0);
    });
  });
}
