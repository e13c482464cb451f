import type { JobEvent, Prediction } from "webgraft/job";
import { byId } from "./dom.ts";
import { count, percent } from "./format.ts";

type Ready = JobEvent & { type: "ready" };
type Predictions = JobEvent & { type: "predictions" };

const SHOWN = 32;

/** A grid of test images with the model's predictions. */
export class PredictionGrid {
  readonly #list = byId("predictions", HTMLUListElement);
  readonly #summary = byId("predictions-summary", HTMLElement);
  readonly #tiles: Tile[] = [];
  #ready: Ready | undefined;

  /** Clears the grid; returns the indices of the test images to show, spread over the test set. */
  reset(ready: Ready): readonly number[] {
    this.#ready = ready;
    const { testExamples } = ready;
    const shown = Math.min(SHOWN, testExamples);
    this.#tiles.length = 0;
    this.#list.replaceChildren();
    return Array.from({ length: shown }, (_, i) => Math.floor((i * testExamples) / shown));
  }

  show({ step, predictions }: Predictions): void {
    const { classes, imageShape } = this.#ready!;
    predictions.forEach((prediction, i) => {
      let tile = this.#tiles[i];
      if (!tile) {
        tile = new Tile(prediction, imageShape);
        this.#tiles.push(tile);
        this.#list.append(tile.element);
      }
      tile.show(prediction, classes);
    });
    const right = predictions.filter((prediction) => best(prediction) === prediction.label).length;
    this.#summary.textContent = `${right} of ${predictions.length} correct after step ${count(step)}`;
  }
}

class Tile {
  readonly element = document.createElement("li");
  readonly #verdict = document.createElement("span");
  readonly #sure = document.createElement("span");
  readonly #bars: HTMLElement[];

  constructor({ pixels, probabilities }: Prediction, shape: Ready["imageShape"]) {
    const bars = document.createElement("div");
    bars.className = "bars";
    bars.ariaHidden = "true";
    this.#bars = probabilities.map(() => document.createElement("i"));
    bars.append(...this.#bars);
    const text = document.createElement("p");
    text.append(this.#verdict, this.#sure);
    this.element.append(picture(pixels, shape), bars, text);
  }

  show(prediction: Prediction, classes: readonly string[]): void {
    const { label, probabilities } = prediction;
    const guess = best(prediction);
    this.element.className = guess === label ? "right" : "wrong";
    this.#verdict.textContent =
      guess === label ? `✓ ${classes[guess]}` : `✗ ${classes[guess]}, is ${classes[label!]}`;
    this.#sure.textContent = percent(probabilities[guess]!, 0);
    this.element.title = classes.map((name, i) => `${name}: ${percent(probabilities[i]!)}`).join("\n");
    this.#bars.forEach((bar, i) => {
      bar.style.height = `${Math.max(4, probabilities[i]! * 100)}%`;
      bar.className = i === label ? "truth" : i === guess ? "guess" : "";
    });
  }
}

function best({ probabilities }: Prediction): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

function picture(pixels: Uint8Array, [height, width, channels]: Ready["imageShape"]): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.ariaHidden = "true";
  const image = new ImageData(width, height);
  const context = canvas.getContext("2d")!;
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[pixel * 4 + channel] = pixels[pixel * channels + (channel % channels)]!;
    }
    image.data[pixel * 4 + 3] = 255;
  }
  const draw = (): void => context.putImageData(image, 0, 0);
  // After a crash of the GPU process, for one.
  canvas.addEventListener("contextrestored", draw);
  draw();
  return canvas;
}
