import { useSignalEffect } from "@preact/signals";
import { addressOf } from "../app/address.ts";
import { record } from "../app/studio.ts";
import { Mistakes } from "../race/mistakes.tsx";
import { laneNames } from "../runs/lane-names.ts";
import { Architecture } from "./architecture.tsx";
import { ConfusionMatrix } from "./confusion.tsx";
import { DevicePanel } from "./device.tsx";
import { FeatureMaps } from "./feature-maps.tsx";
import { HeatMap } from "./heat-map.tsx";
import { Kernels } from "./kernels.tsx";
import { Memory } from "./memory.tsx";
import { lane, laneModel, layer, look, lookAtLayer, picture, samples, seeds } from "./state.ts";

/** One lane of the race from the inside. */
export function Inspect() {
  // Another lane, or a new race or seed, with other weights.
  useSignalEffect(() => {
    void laneModel.value;
    void seeds.value;
    void look().catch((error: unknown) => console.debug(error));
  });
  // Another layer or image, or the weights have changed since the last sample.
  useSignalEffect(() => {
    void layer.value;
    void picture.value;
    void samples.value;
    void lookAtLayer();
  });
  const lanes = record.value?.lanes ?? [];
  return (
    <div class="inspecting">
      <h1 tabIndex={-1}>Inspect</h1>
      {lanes.length === 0 ? (
        <p class="hint">
          Here you look into a network while it learns: its layers, what they see, its gradients and memory.{" "}
          <a href={addressOf("race")}>Start a race</a> first.
        </p>
      ) : (
        <>
          <fieldset class="lanes">
            <legend>Lane</legend>
            {lanes.map(({ kind }, i) => (
              <button
                key={kind}
                type="button"
                class={laneNames[kind].origin}
                aria-pressed={lane.value === i}
                onClick={() => {
                  lane.value = i;
                }}
              >
                {laneNames[kind].name}
              </button>
            ))}
          </fieldset>
          <Architecture />
          <div class="columns">
            <FeatureMaps />
            <HeatMap />
            <ConfusionMatrix />
            <Memory />
            <Kernels />
            <DevicePanel />
          </div>
          <Mistakes of={lane.value} />
        </>
      )}
    </div>
  );
}
