/**
 * How runs are told apart in Compare: by colour, and by a mark for those who see no colours. None is a colour of an
 * origin (teal, rust, violet) or of wrong and right. The colours themselves are in `style/compare.css`, for light and
 * dark: `--run-0` for the first.
 */
export interface RunStyle {
  readonly name: string;
  /** An SVG path about the origin, 9 px wide. */
  readonly mark: string;
}

export const palette: readonly RunStyle[] = [
  { name: "Blue, disc", mark: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z" },
  { name: "Pink, square", mark: "M-3.6-3.6h7.2v7.2h-7.2z" },
  { name: "Ochre, triangle", mark: "M0-4.6L4.8 3.6h-9.6z" },
  { name: "Grey, diamond", mark: "M0-5.4L5 0L0 5.4L-5 0z" },
  { name: "Sky, triangle down", mark: "M0 4.6L4.8-3.6h-9.6z" },
  { name: "Brown, cross", mark: "M-1.6-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z" },
];
