/** Gives the focus to what follows from a change, which may move or remove what had it, so that keys go on from there. */
export async function focusAfter(change: Promise<void>, next: () => HTMLElement | null): Promise<void> {
  await change;
  requestAnimationFrame(() => next()?.focus());
}

/** The button that takes a removal back. */
export const PUT_BACK = "put-back";

export const putBackButton = (): HTMLElement | null => document.getElementById(PUT_BACK);

/** The list of runs, or the whole place without any. */
export const listOrPlace = (): HTMLElement | null =>
  document.querySelector<HTMLElement>(".runs input") ?? document.getElementById("main");
