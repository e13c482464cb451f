import type { Band } from "../report.ts";

/** The part of a figure between its title and its notes. */
export interface Plot {
  readonly title: string;
  /** SVG. */
  readonly lines: readonly string[];
  /** Where it ends, from the top of the figure. */
  readonly bottom: number;
}

export const HUES = ["none", "alternate", "all"] as const;

/** A class that gives a network its colour: that of ConvNet, ResNet or, for all between, the graft. */
export const hueOf = ({ shortcuts }: Band): (typeof HUES)[number] =>
  typeof shortcuts === "string" ? shortcuts : "alternate";

/** Gridlines of accuracy, as shares. */
export const TICKS = [0, 0.25, 0.5, 0.75, 1];
