import { restored } from "../app/canvases.ts";
import { worker } from "../app/studio.ts";

/** A small copy of a picture, as the network gets it. */
export function Picture({ id }: { readonly id: number }) {
  const drawn = `${id} ${restored.value}`;
  return (
    <canvas
      ref={(canvas) => {
        if (canvas) void draw(canvas, id, drawn);
      }}
    />
  );
}

/** `drawn` names what the canvas then shows, so that it is drawn once. */
async function draw(canvas: HTMLCanvasElement, id: number, drawn: string): Promise<void> {
  if (canvas.dataset.drawn === drawn) return;
  canvas.dataset.drawn = drawn;
  const picture = await worker().images.picture(id);
  if (!picture || canvas.dataset.drawn !== drawn) return;
  const { width, height, data } = picture;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
