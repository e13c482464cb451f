import { restored } from "../app/canvases.ts";
import { SIZE } from "./digit.ts";

/** A grey image (28, 28) of a data set. */
export function Picture({ pixels, label }: { readonly pixels: Uint8Array; readonly label?: string }) {
  void restored.value;
  return (
    <canvas
      class="picture"
      width={SIZE}
      height={SIZE}
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
      ref={(canvas) => {
        if (canvas) paint(canvas.getContext("2d")!, pixels);
      }}
    />
  );
}

/** Fills a canvas with a grey image (28, 28). */
export function paint(context: CanvasRenderingContext2D, pixels: Uint8Array): void {
  const image = new ImageData(SIZE, SIZE);
  pixels.forEach((value, i) => {
    image.data.set([value, value, value, 255], 4 * i);
  });
  const { canvas } = context;
  if (canvas.width === SIZE) {
    context.putImageData(image, 0, 0);
    return;
  }
  const small = new OffscreenCanvas(SIZE, SIZE);
  small.getContext("2d")!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}
