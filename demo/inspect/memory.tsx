import { useLayoutEffect, useRef } from "preact/hooks";
import { record } from "../app/studio.ts";
import { about, lane } from "./state.ts";

/** The rules of the picture, which the page's policy does not let it bring along. */
const sheet = new CSSStyleSheet();

/** In the unit of the picture. */
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The memory plan of a training step as a picture. */
export function Memory() {
  const host = useRef<HTMLElement>(null);
  const svg = about.value?.memory;
  useLayoutEffect(() => {
    if (!host.current || !svg) return;
    const [, rules = ""] = /<style>(.*?)<\/style>/s.exec(svg) ?? [];
    sheet.replaceSync(rules);
    if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets.push(sheet);
    const plain = svg.replace(`<style>${rules}</style>`, "");
    host.current.replaceChildren(new DOMParser().parseFromString(plain, "image/svg+xml").documentElement);
  }, [svg]);
  const memory = record.value?.memory.lanes[lane.value];
  return (
    <section aria-labelledby="memory">
      <h2 id="memory">Memory of a step</h2>
      <p class="hint">
        {memory &&
          `${mebibytes(memory.temporaryBytes)} that live within a step, ${mebibytes(memory.persistentBytes)} that stay: weights, gradients, moments. `}
        Each rectangle is a tensor: when it lives, from left to right, and where it lies. Point at one for its
        name.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section class="plan" aria-label="Memory plan" tabIndex={0} ref={host} />
    </section>
  );
}
