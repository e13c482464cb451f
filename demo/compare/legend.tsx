import { laneNames } from "../runs/lane-names.ts";
import { percent } from "./comparison.ts";
import { type Curve, type Measure, valueAt } from "./curves.ts";
import { cursor, curves, type LegendEntry, Line, lastStep, legend, pointAt, titleOf } from "./lines.tsx";

/** What the lines mean, and their values at the cursor's step, which can be moved without a mouse. */
export function Legend() {
  return (
    <>
      <label class="step">
        Step {cursor.value} of {lastStep.value}
        <input
          type="range"
          min="1"
          max={lastStep.value}
          value={cursor.value}
          onInput={({ currentTarget }) => pointAt(currentTarget.valueAsNumber)}
        />
      </label>
      <section class="scroll" aria-label="Values at the step" tabindex={0}>
        <table class="legend">
          <thead>
            <tr>
              <th scope="col">Run and network</th>
              <th scope="col">Accuracy, %</th>
              <th scope="col">Loss</th>
            </tr>
          </thead>
          <tbody>
            {legend.value.map((entry) => (
              <tr key={`${entry.id} ${entry.lane}`}>
                <th scope="row">
                  <Line {...entry} />
                  {titleOf(entry.id)}{" "}
                  <span class={laneNames[entry.lane].origin}>{laneNames[entry.lane].name}</span>
                </th>
                <td>{spread("accuracy", entry, percent)}</td>
                <td>{spread("loss", entry, (value) => value.toFixed(3))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** The mean over the seeds that have come so far, and the range of more than one. */
function spread(measure: Measure, { id, lane }: LegendEntry, text: (value: number) => string): string {
  const own = curves[measure].value.filter((curve: Curve) => curve.id === id && curve.lane === lane);
  const points = own.flatMap((curve) => valueAt(curve, cursor.value) ?? []);
  if (points.length === 0) return "–";
  const mean = points.reduce((sum, point) => sum + point.mean, 0) / points.length;
  const low = Math.min(...points.map((point) => point.low));
  const high = Math.max(...points.map((point) => point.high));
  return low < high ? `${text(mean)} (${text(low)}–${text(high)})` : text(mean);
}
