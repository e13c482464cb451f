import { signal } from "@preact/signals";
import type { BackboneName } from "webgraft";
import { worker } from "../app/studio.ts";
import { classes, reading, total } from "./collection.ts";
import { Files } from "./files.tsx";
import { isOutdated, problem, progress, stop, train, trained } from "./network.ts";
import { lastStage, ownBackbone, sides } from "./recipes.ts";
import { missing, warnings } from "./words.ts";

/** The name of the file that names the others, whose names are longer. */
const shortest = (files: readonly File[]): string =>
  files.map(({ name }) => name).reduce((a, b) => (b.length < a.length ? b : a));

/** The names of the backbones for which one can bring weights; the worker knows them. */
const names = signal<readonly string[]>([]);

async function listNames(): Promise<void> {
  if (names.value.length === 0) names.value = await worker().images.backbones();
}

/** Where the network starts from. */
function Backbone() {
  const own = ownBackbone.value;
  return (
    <details class="backbone" onToggle={() => void listNames()}>
      <summary>
        Starts from {own ? `${shortest(own.files)} (${own.name})` : "ResNet-20, which has seen clothes"} ·
        change
      </summary>
      <p class="hint">
        A <b>backbone</b> is a network that has learnt to see on other pictures; only its end is taught anew.
        The one that comes with this page has seen 60,000 grey pictures of clothes, 28 × 28 pixels each, and
        nothing else: no people, no colours. Your pictures are made as small and grey before it sees them, so
        it tells shapes apart, not colours.
      </p>
      <p class="hint">
        For photographs, bring the weights of a ResNet that was trained on ImageNet, as torchvision and timm
        publish them: a safetensors or ONNX file, together with the .onnx.data beside it if there is one. It
        stays on this computer, too.
      </p>
      <div class="add">
        <Files
          label="Use another backbone…"
          purpose="from a file of weights"
          accept=".safetensors,.onnx,.data,.json,.bin"
          multiple
          onFiles={(chosen) => {
            if (chosen.length === 0) return;
            const files = chosen.map(({ file }) => file);
            // The last that matches: resnet18d is a resnet18 in part.
            const name = names.value.findLast((known) =>
              new RegExp(`${known}(?!\\d)`, "i").test(shortest(files)),
            );
            ownBackbone.value = { files, name: (name ?? "resnet18") as BackboneName, side: 64 };
            lastStage.value = false;
          }}
        />
        {own && (
          <>
            <label>
              It is a{" "}
              <select
                value={own.name}
                onChange={({ currentTarget: { value } }) => {
                  ownBackbone.value = { ...own, name: value as BackboneName };
                }}
              >
                {names.value.map((name) => (
                  <option key={name} value={name}>
                    {name.replace("resnet", "ResNet-")}
                  </option>
                ))}
              </select>
            </label>
            <label>
              that sees{" "}
              <select
                value={own.side}
                onChange={({ currentTarget: { value } }) => {
                  ownBackbone.value = { ...own, side: Number(value) };
                }}
              >
                {sides.map((side) => (
                  <option key={side} value={side}>
                    {side} × {side} pixels
                  </option>
                ))}
              </select>
            </label>
            <button
              type="button"
              class="link"
              onClick={() => {
                ownBackbone.value = undefined;
                lastStage.value = true;
              }}
            >
              Back to the one that comes with the page
            </button>
          </>
        )}
      </div>
    </details>
  );
}

/** Trains, and says how far it has come. */
export function TrainPanel() {
  const why = missing(classes.value);
  const now = progress.value;
  return (
    <section class="train" aria-labelledby="train-title">
      <h2 id="train-title">Train</h2>
      <div class="go">
        {now ? (
          <button type="button" class="primary" onClick={stop}>
            Stop
          </button>
        ) : (
          <button
            type="button"
            class="primary"
            disabled={why !== undefined || reading.value !== undefined}
            onClick={() => void train()}
          >
            {trained.value ? "Train again" : "Train"}
          </button>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={lastStage.value}
            disabled={now !== undefined}
            onChange={({ currentTarget }) => {
              lastStage.value = currentTarget.checked;
            }}
          />{" "}
          Train the last stage too{" "}
          <small>slower, and better with pictures unlike those the network knows</small>
        </label>
      </div>
      <div role="status">
        {now && (
          <p class="progress">
            <progress value={now.of ? now.done : undefined} max={now.of} aria-label={now.what} />
            {now.what}
            {now.of ? ` ${now.done} of ${now.of}` : ""}…
          </p>
        )}
        {!now && total.value > 0 && why && <p class="hint">{why}</p>}
        {!now && isOutdated.value && (
          <p class="hint">Your pictures have changed since. Train again to use them.</p>
        )}
      </div>
      {total.value > 0 &&
        warnings(classes.value).map((warning) => (
          <p class="warning" key={warning}>
            {warning}
          </p>
        ))}
      {problem.value && (
        <p class="warning" role="alert">
          {problem.value}
        </p>
      )}
      <Backbone />
    </section>
  );
}
