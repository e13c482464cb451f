import { Curves } from "./curves.tsx";
import { DepthChart } from "./depth-chart.tsx";
import { Mistakes } from "./mistakes.tsx";

/** What stands below the first screen, loaded after it. */
export function Below() {
  return (
    <div class="below">
      <Curves />
      <DepthChart />
      <Mistakes />
    </div>
  );
}
