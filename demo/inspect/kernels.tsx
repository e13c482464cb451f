import { about, asking, askTimes, times } from "./state.ts";

/** More rows than one reads are left out. */
const MOST_ROWS = 12;

/** The kernels of a training step, and what the GPU's timestamps say of them. */
export function Kernels() {
  const launches = about.value?.launches ?? [];
  const measured = Array.isArray(times.value) ? (times.value as readonly number[]) : undefined;
  const byKernel = new Map<string, { count: number; milliseconds: number }>();
  for (const [i, { kernel }] of launches.entries()) {
    const row = byKernel.get(kernel) ?? { count: 0, milliseconds: 0 };
    byKernel.set(kernel, {
      count: row.count + 1,
      milliseconds: row.milliseconds + (measured?.[i] ?? 0),
    });
  }
  const rows = [...byKernel].sort(([, a], [, b]) => b.milliseconds - a.milliseconds || b.count - a.count);
  const total = rows.reduce((sum, [, { milliseconds }]) => sum + milliseconds, 0);
  return (
    <section aria-labelledby="kernels">
      <h2 id="kernels">Kernels</h2>
      <p class="hint">
        {launches.length} launches a step.{" "}
        {measured
          ? `${total.toFixed(1)} ms by the GPU's clock for one forward and backward pass and nothing beside it.`
          : "Times need a GPU that can tell them."}
      </p>
      <p>
        <button type="button" onClick={() => void askTimes()} aria-disabled={asking.value !== undefined}>
          {asking.value === "times" ? "Measuring…" : "Measure"}
        </button>
        <span role="status">{typeof times.value === "string" && ` Not measured: ${times.value}`}</span>
      </p>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Kernel</th>
            <th scope="col">Launches</th>
            {measured && <th scope="col">ms</th>}
            {measured && <th scope="col">Share</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map(([kernel, { count, milliseconds }]) => (
            <tr key={kernel}>
              <th scope="row">{kernel.replaceAll("_", " ")}</th>
              <td>{count}</td>
              {measured && <td>{milliseconds.toFixed(2)}</td>}
              {measured && <td>{total > 0 ? `${((100 * milliseconds) / total).toFixed(0)} %` : "–"}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS && <p class="hint">And {rows.length - MOST_ROWS} kernels more.</p>}
    </section>
  );
}
