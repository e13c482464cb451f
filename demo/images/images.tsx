import { count, counted } from "../app/words.ts";
import { ClassRow } from "./class-row.tsx";
import {
  addClass,
  addFiles,
  classes,
  MOST_PICTURES,
  reading,
  room,
  skipped,
  stopReading,
  target,
} from "./collection.ts";
import { dropInto, isOver } from "./drop.ts";
import { Files } from "./files.tsx";
import { Result } from "./result.tsx";
import { TrainPanel } from "./train-panel.tsx";
import { TryPanel } from "./try-panel.tsx";

/** Files being read, and those that were no pictures. */
function Reading() {
  const now = reading.value;
  return (
    <>
      <div role="status">
        {now && (
          <p class="progress">
            <progress value={now.done} max={now.of} aria-label="Reading files" />
            Reading file {now.done} of {now.of}…{" "}
            <button type="button" class="link" onClick={stopReading}>
              Cancel
            </button>
          </p>
        )}
      </div>
      {skipped.value.length > 0 && (
        <details class="skipped" open>
          <summary>{counted(skipped.value.length, "file")} skipped</summary>
          <ul>
            {skipped.value.map(({ name, reason }) => (
              <li key={name}>
                {name}: {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** A classifier for the visitor's own pictures. */
export function Images() {
  const most = Math.max(...classes.value.map(({ pictures }) => pictures.length));
  return (
    <div class="images">
      <header>
        <h1>Teach a network your own pictures</h1>
        <p class="sub">
          Collect pictures of two or more things, train for some seconds, and see what the network makes of
          new ones. <b>Nothing leaves this page</b>: it all happens on your GPU, and is gone when you close
          the page.
        </p>
      </header>
      <section
        class="collect"
        aria-labelledby="collect-title"
        data-over={isOver.value === "collect"}
        {...dropInto("collect", (files) => void addFiles(files, target.value))}
      >
        <h2 id="collect-title">Collect</h2>
        <ul class="classes">
          {classes.value.map((of) => (
            <ClassRow key={of.key} of={of} most={most} />
          ))}
        </ul>
        <div class="add">
          <button type="button" class="plain" onClick={() => addClass()}>
            Add a class
          </button>
          <Files
            label="A folder of folders…"
            purpose="one for each class"
            folder
            disabled={reading.value !== undefined}
            onFiles={(files) => void addFiles(files, target.value)}
          />
          <span class="hint">each folder in it becomes a class</span>
        </div>
        <Reading />
        <p class="hint">
          Up to {count(MOST_PICTURES)} pictures
          {room.value < 500 && `, room for ${count(room.value)} more`}. Of each, the square in the middle is
          kept, 96 × 96 pixels.
        </p>
      </section>
      <TrainPanel />
      <TryPanel />
      <Result />
    </div>
  );
}
