import { signal } from "@preact/signals";
import { framesOf } from "webgraft";
import { count, counted } from "../app/words.ts";
import { heldOut } from "../worker/images-recipe.ts";
import { openCamera, opening, stream } from "./camera.ts";
import {
  addFiles,
  addFrame,
  classes,
  type OwnClass,
  reading,
  removeClass,
  removePicture,
  rename,
  room,
  target,
} from "./collection.ts";
import { dropInto, isOver } from "./drop.ts";
import { Files } from "./files.tsx";
import { Picture } from "./picture.tsx";
import type { Sorted } from "./sources.ts";
import { LEAST } from "./words.ts";

/** Pictures that are drawn of a class, its last ones. */
const DRAWN = 12;

/** Frames a second of a recording. */
const FPS = 6;

/** The class whose pictures are being recorded. */
const recording = signal<number | undefined>(undefined);

/** Records frames for as long as the button is held, at least one. */
async function record(key: number): Promise<void> {
  if (recording.value !== undefined || !stream.value) return;
  recording.value = key;
  for await (const frame of framesOf(stream.value, { fps: FPS })) {
    await addFrame(key, frame);
    if (recording.value !== key || room.value <= 0) break;
  }
  if (recording.value === key) release();
}

function release(): void {
  recording.value = undefined;
}

/** The webcam's button: it opens the camera first, then records while it is held. */
function Record({ of: { key, name } }: { readonly of: OwnClass }) {
  if (!stream.value) {
    return (
      <button type="button" class="plain" disabled={opening.value} onClick={() => void openCamera()}>
        Webcam…
      </button>
    );
  }
  const isKey = ({ key: pressed }: KeyboardEvent): boolean => pressed === " " || pressed === "Enter";
  return (
    <button
      type="button"
      class="plain record"
      aria-pressed={recording.value === key}
      aria-label={`Hold to record ${name}`}
      disabled={room.value <= 0}
      onPointerDown={() => void record(key)}
      onPointerUp={release}
      onPointerCancel={release}
      onPointerLeave={release}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (!isKey(event)) return;
        event.preventDefault();
        if (!event.repeat) void record(key);
      }}
      onKeyUp={(event) => isKey(event) && release()}
      onBlur={release}
    >
      Hold to record
    </button>
  );
}

/** A class: its name, its pictures, and how to add some. */
export function ClassRow({ of, most }: { readonly of: OwnClass; readonly most: number }) {
  const { key, name, pictures } = of;
  const { length } = pictures;
  /** Whatever folder they come from. */
  const add = (files: readonly Sorted[]): void =>
    void addFiles(
      files.map(({ file }) => ({ file })),
      key,
    );
  const label = name || "this class";
  return (
    <li
      class="class"
      data-over={isOver.value === key}
      data-target={target.value === key}
      onFocusCapture={() => {
        target.value = key;
      }}
      {...dropInto(key, add)}
    >
      <div class="class-head">
        <input
          type="text"
          aria-label="Name of the class"
          maxLength={40}
          value={name}
          onInput={(event) => rename(key, event.currentTarget.value)}
        />
        <span class="count">
          {counted(length, "picture")}
          {length >= LEAST && <small> {heldOut(length)} of them to test</small>}
        </span>
        {classes.value.length > 2 && (
          <button type="button" class="link" aria-label={`Remove ${label}`} onClick={() => removeClass(key)}>
            Remove
          </button>
        )}
      </div>
      <div class="share" aria-hidden="true">
        <i style={{ width: `${most > 0 ? (100 * length) / most : 0}%` }} />
      </div>
      <ul class="strip" aria-label={`Pictures of ${label}`}>
        {pictures.slice(-DRAWN).map((id, i) => (
          <li key={id}>
            <button
              type="button"
              class="thumb"
              title="Remove this picture"
              aria-label={`Remove picture ${Math.max(0, length - DRAWN) + i + 1} of ${label}`}
              onClick={() => removePicture(key, id)}
            >
              <Picture id={id} />
            </button>
          </li>
        ))}
        {length > DRAWN && <li class="more">+ {count(length - DRAWN)}</li>}
      </ul>
      <div class="add">
        <Files
          label="Files…"
          purpose={`for ${label}`}
          accept="image/*"
          multiple
          disabled={reading.value !== undefined}
          onFiles={add}
        />
        <Record of={of} />
        <span class="hint">or drop pictures here{target.value === key && ", or paste them"}</span>
      </div>
    </li>
  );
}
