import { askConfusion, asking, classes, confusion } from "./state.ts";

/** Which class is taken for which. */
export function ConfusionMatrix() {
  const counts = confusion.value;
  const most = Math.max(1, ...(counts ?? []).flatMap((row, i) => row.filter((_, k) => k !== i)));
  return (
    <section aria-labelledby="confusion">
      <h2 id="confusion">What it takes for what</h2>
      <p>
        <button type="button" onClick={() => void askConfusion()} aria-disabled={asking.value !== undefined}>
          {asking.value === "confusion" ? "Testing…" : "Test now"}
        </button>
      </p>
      {counts && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
        <section class="scrolls" tabIndex={0} aria-label="Table of classes">
          <table class="confusion figures">
            <thead>
              <tr>
                <td>is ↓ taken for →</td>
                {classes.value.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {counts.map((row, i) => (
                <tr key={classes.value[i]}>
                  <th scope="row">{classes.value[i]}</th>
                  {row.map((count, k) => (
                    <td
                      key={k}
                      class={
                        i === k ? "right" : count > most / 2 ? "wrong most" : count > 0 ? "wrong" : "none"
                      }
                    >
                      {count}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {counts && <p class="hint">Test images: ✓ on the diagonal, ✗ beside it; bold where it happens most.</p>}
    </section>
  );
}
