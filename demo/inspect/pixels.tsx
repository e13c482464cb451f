import { useLayoutEffect, useRef } from "preact/hooks";
import { restored } from "../app/canvases.ts";

export interface PixelsProps {
  /** Row by row, one number a pixel. */
  readonly values: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
  /** Red, green and blue, 0…255, of a value. */
  readonly colour: (value: number) => readonly [number, number, number];
  /** What it shows, in words; an empty one for a decoration. */
  readonly alt: string;
  readonly class?: string;
}

/** Numbers as pixels, enlarged without blur. */
export function Pixels({ values, width, height, colour, alt, class: name = "pixels" }: PixelsProps) {
  void restored.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      image.data.set(colour(values[i]!), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  });
  return (
    <canvas
      ref={canvas}
      class={name}
      width={width}
      height={height}
      {...(alt ? { role: "img", "aria-label": alt } : { "aria-hidden": true })}
    />
  );
}

/** White for 1 on black for 0. */
export const grey =
  (low: number, high: number) =>
  (value: number): readonly [number, number, number] => {
    const shade = 255 * Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
    return [shade, shade, shade];
  };

/** White for 0, violet above, rust below, full at ±`most`: legible with any colour vision. */
export const signed =
  (most: number) =>
  (value: number): readonly [number, number, number] => {
    const share = Math.min(1, Math.abs(value) / (most || 1));
    const [r, g, b] = value >= 0 ? [74, 32, 160] : [179, 79, 9];
    return [255 + share * (r - 255), 255 + share * (g - 255), 255 + share * (b - 255)];
  };
