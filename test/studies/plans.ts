/** Which settings each plan runs. A setting that several plans have is run once. */
import type { Setting } from "./setting.ts";

type Shortcuts = Setting["shortcuts"];

/** Networks that are alike but for their shortcuts, by what people call them. */
const KINDS = { "plain ConvNet": "none", graft: "alternate", ResNet: "all" } as const;

/** Pairs of convolutions in 50 layers, and in each of their three stages. */
const PAIRS = 24;
const STAGE = PAIRS / 3;

const plainWhere = (isPlain: (pair: number) => boolean): boolean[] =>
  Array.from({ length: PAIRS }, (_, pair) => !isPlain(pair));

/** Grafts of 50 layers, by their plain pairs. `graft` itself has the first of each two plain. */
const POSITIONS = {
  "one in the middle plain": plainWhere((pair) => pair === PAIRS / 2),
  "two stage starts plain": plainWhere((pair) => pair === STAGE || pair === 2 * STAGE),
  "every fourth plain": plainWhere((pair) => pair % 4 === 3),
  "every second plain": plainWhere((pair) => pair % 2 === 1),
  "first half plain": plainWhere((pair) => pair < PAIRS / 2),
  "last half plain": plainWhere((pair) => pair >= PAIRS / 2),
};

/** What people call a network with these shortcuts. */
export function nameOf(shortcuts: Shortcuts): string {
  const isSame = ([, value]: [string, Shortcuts]): boolean =>
    JSON.stringify(value) === JSON.stringify(shortcuts);
  return Object.entries<Shortcuts>({ ...KINDS, ...POSITIONS }).find(isSame)?.[0] ?? JSON.stringify(shortcuts);
}

/** What all plans have in common, but for what they ask. 1,000 images are 32 steps an epoch. */
const COMMON: Omit<Setting, "depth" | "shortcuts" | "seed"> = {
  dataset: "mnist",
  images: 1_000,
  testImages: 2_000,
  epochs: 4,
  batchSize: 32,
  learningRate: 3e-3,
  widths: [8, 16, 32],
  batchNorm: true,
};

/** Seed by seed, so that a study that is cut short is balanced; shallow networks, which take least, first. */
function planOf({
  depths = [14, 50],
  kinds = Object.values(KINDS),
  seeds = [1, 2, 3],
  ...changes
}: Partial<Setting> & { depths?: number[]; kinds?: Shortcuts[]; seeds?: number[] } = {}): Setting[] {
  return seeds.flatMap((seed) =>
    depths.flatMap((depth) =>
      kinds.map((shortcuts): Setting => ({ ...COMMON, ...changes, depth, shortcuts, seed })),
    ),
  );
}

export const plans = {
  race: planOf({ depths: [8, 14, 26, 50], seeds: [1, 2, 3, 4, 5] }),
  positions: planOf({ depths: [50], kinds: ["all", ...Object.values(POSITIONS), "alternate", "none"] }),
  "no-batch-norm": planOf({ batchNorm: false }),
  /** 130 steps, about as many as 1,000 images have. */
  "300-images": planOf({ images: 300, epochs: 13 }),
  fashion: planOf({ dataset: "fashion" }),
  /** 375 steps, three times as many: each image is seen once. */
  "12000-images": planOf({ images: 12_000, epochs: 1 }),
} satisfies Record<string, Setting[]>;

export type PlanName = keyof typeof plans;
