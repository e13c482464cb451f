import { restored } from "../app/canvases.ts";
import { percent } from "../app/words.ts";
import { closeCamera, openCamera, opening, refusal, stream } from "./camera.ts";
import { dropInto, isOver } from "./drop.ts";
import { Files } from "./files.tsx";
import { guess, labels, openedFrom, openModel, progress, shown } from "./network.ts";
import type { Sorted } from "./sources.ts";

const show = ([first]: readonly Sorted[]): void => {
  if (first) shown.value = first.file;
};

/** Draws a picture as large as its canvas is. */
async function draw(canvas: HTMLCanvasElement, picture: Blob): Promise<void> {
  try {
    const whole = await createImageBitmap(picture, { resizeWidth: 640, resizeQuality: "high" });
    canvas.width = whole.width;
    canvas.height = whole.height;
    canvas.getContext("2d")!.drawImage(whole, 0, 0);
    whole.close();
  } catch {
    // The worker says that it is no picture.
  }
}

/** What is looked at: the webcam, a picture, or how to get one of them. */
function View() {
  if (shown.value) {
    const picture = shown.value;
    void restored.value;
    return (
      <canvas
        ref={(canvas) => {
          if (canvas) void draw(canvas, picture);
        }}
        aria-label="The picture that you gave"
        role="img"
      />
    );
  }
  if (stream.value) {
    const live = stream.value;
    return (
      <video
        ref={(video) => {
          if (video && video.srcObject !== live) video.srcObject = live;
        }}
        autoplay
        muted
        playsInline
        aria-label="What the webcam sees"
      />
    );
  }
  return (
    <span>
      {labels.value ? "Drop a picture here, or turn the webcam on" : "The webcam’s picture comes here"}
    </span>
  );
}

/** The probability of each class, the likeliest in bold. */
function Bars({ of }: { readonly of: readonly string[] }) {
  const shares = guess.value;
  const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
  return (
    <>
      <ul class="bars" aria-label="Probability of each class">
        {of.map((label, i) => (
          <li key={label} data-best={i === best}>
            <span>{label}</span>
            <b>{shares ? percent(shares[i]!, 0) : "–"}</b>
            <i aria-hidden="true">
              <i style={{ width: `${100 * (shares?.[i] ?? 0)}%` }} />
            </i>
          </li>
        ))}
      </ul>
      {shown.value && (
        <p class="hidden" role="status">
          {best >= 0 && `${of[best]}, ${percent(shares![best]!, 0)} sure`}
        </p>
      )}
    </>
  );
}

/** What the network thinks of what the webcam sees or of a picture. */
export function TryPanel() {
  return (
    <section class="try" aria-labelledby="try-title" data-live={stream.value !== undefined}>
      <h2 id="try-title">Try it</h2>
      <div class="view" data-over={isOver.value === "view"} {...dropInto("view", show)}>
        <View />
      </div>
      <div class="add">
        {stream.value && !shown.value ? (
          <button type="button" class="plain" onClick={closeCamera}>
            Turn the webcam off
          </button>
        ) : (
          <button
            type="button"
            class="plain"
            disabled={opening.value}
            onClick={() => {
              shown.value = undefined;
              void openCamera();
            }}
          >
            {opening.value ? "Asking…" : stream.value ? "Back to the webcam" : "Turn the webcam on"}
          </button>
        )}
        <Files label="A picture…" purpose="to look at" accept="image/*" onFiles={show} />
      </div>
      {refusal.value && (
        <p class="warning" role="alert">
          {refusal.value}
        </p>
      )}
      {labels.value ? (
        <Bars of={labels.value} />
      ) : (
        <p class="hint">Once a network is trained, it says here what it sees.</p>
      )}
      {openedFrom.value && <p class="hint">The network of {openedFrom.value}, not trained here.</p>}
      <p class="hint">
        Have a model that was saved here?{" "}
        <Files
          label="Open it…"
          purpose="from a model file"
          accept=".safetensors"
          disabled={progress.value !== undefined}
          onFiles={([first]) => first && void openModel(first.file)}
        />
      </p>
    </section>
  );
}
