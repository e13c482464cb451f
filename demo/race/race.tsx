import { signal, useSignalEffect } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { settings } from "../app/address.ts";
import { Controls, Dock } from "./controls.tsx";
import { Lanes, Notes } from "./lanes.tsx";
import { Pad, Samples } from "./pad.tsx";
import { loadRecorded } from "./recorded.ts";
import { Status } from "./status.tsx";
import { VerdictCard } from "./verdict-card.tsx";

/** The charts come after the first screen. */
const below = signal<FunctionComponent | undefined>(undefined);

async function loadBelow(): Promise<void> {
  const [{ Below }] = await Promise.all([import("./below.tsx"), loadRecorded()]);
  below.value = Below;
}

/** The first screen: the same images to several networks, in turn. */
export function RacePlace() {
  useSignalEffect(() => {
    if (!below.peek()) void loadBelow();
  });
  const Below = below.value;
  const { lanes, data } = settings.value;
  const many = ["", "", "Two", "Three", "Four"][lanes.length];
  const what = data === "mnist" ? "Draw a digit" : "Draw a garment";
  return (
    <div class="race">
      <div class="intro">
        <h1>Does a shortcut help a network learn?</h1>
        <p class="sub">
          {many} networks, the same images in the same order, on your GPU. {what}: all guess while they learn.
        </p>
      </div>
      <Samples />
      <Pad />
      <Dock />
      <Controls />
      <Status />
      <Lanes />
      <Notes />
      <VerdictCard />
      {Below && <Below />}
    </div>
  );
}
