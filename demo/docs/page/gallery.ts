/** The buttons of a kernel's page: run it against the reference, and time it, on the visitor's GPU. */
import type { Compared, GalleryEvent, GalleryRequest, Timed } from "./gallery-events.ts";

export function openGallery(section: HTMLElement): void {
  const file = section.dataset.file!;
  const status = section.querySelector<HTMLElement>(".status")!;
  const results = section.querySelector<HTMLElement>(".results")!;
  const button = (name: string): HTMLButtonElement => section.querySelector(`[data-run="${name}"]`)!;
  const [check, time, cancel] = ["check", "time", "cancel"].map(button) as [
    HTMLButtonElement,
    HTMLButtonElement,
    HTMLButtonElement,
  ];
  if (!("gpu" in navigator)) {
    status.textContent = isSecureContext
      ? "This browser has no WebGPU, or it is switched off: take a current Chrome, Edge, Firefox or Safari."
      : "Browsers allow WebGPU only to pages that come over https, or from localhost.";
    return;
  }
  let worker: Worker | undefined;
  let device = "";

  const end = (text: string): void => {
    // With it the device and all its memory go.
    worker?.terminate();
    worker = undefined;
    check.disabled = time.disabled = false;
    cancel.hidden = true;
    status.textContent = text;
  };

  const start = (task: GalleryRequest["task"]): void => {
    check.disabled = time.disabled = true;
    cancel.hidden = false;
    status.textContent = "Opening the GPU";
    const rows = task === "check" ? comparedTable(results) : timedTable(results);
    worker = new Worker(new URL("./gallery-worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("error", ({ message }) =>
      end(`It failed: ${message || "the worker did not load"}.`),
    );
    let wrong = 0;
    let count = 0;
    worker.addEventListener("message", ({ data }: MessageEvent<GalleryEvent>) => {
      if (data.kind === "device") {
        device = data.software ? `${data.name}, emulated by the CPU, which is for tests` : data.name;
      } else if (data.kind === "progress") {
        status.textContent = `${data.text} …`;
      } else if (data.kind === "compared") {
        count += data.results.length;
        wrong += data.results.filter(({ right }) => !right).length;
        rows(...data.results.map(comparedRow));
      } else if (data.kind === "timed") {
        count++;
        rows(timedRow(data.result));
      } else if (data.kind === "failed") {
        end(`It failed: ${data.reason}`);
      } else {
        const verdict =
          task === "time" ? "Measured" : wrong === 0 ? "Right" : `Wrong in ${wrong} of ${count} results`;
        if (count === 0) results.replaceChildren();
        end(data.note ?? `${verdict}, on ${device}.`);
      }
    });
    worker.postMessage({ file, task } satisfies GalleryRequest);
  };

  check.disabled = time.disabled = false;
  check.addEventListener("click", () => start("check"));
  time.addEventListener("click", () => start("time"));
  cancel.addEventListener("click", () => end("Cancelled."));
}

/** A text whose long names may break after a part. */
const broken = (text: string): (string | HTMLElement)[] =>
  text.split(/(?<=_)/).flatMap((part, i) => (i === 0 ? part : [document.createElement("wbr"), part]));

/** `0`, `2.0e-6`, `0.0123`, `175` */
const few = (value: number): string =>
  value === 0 ? "0" : value < 1e-3 ? value.toExponential(1) : value.toPrecision(3);

type Cells = readonly (string | { readonly text: string; readonly kind: string })[];

const comparedRow = ({ output, kernels, title, error, allowed, right, failure }: Compared): Cells => [
  output,
  few(error),
  allowed === undefined ? "by element" : few(allowed),
  right ? { text: "right", kind: "right" } : { text: "wrong", kind: "wrong" },
  kernels.join(", "),
  failure ? `${title}: ${failure}` : title,
];

const timedRow = ({ pass, shape, medianMs, quartilesMs, gflops, gbps, launches, networks }: Timed): Cells => [
  `${pass}, ${shape}, of ${networks.join(" and ")}`,
  `${few(medianMs)} ms`,
  quartilesMs.map(few).join("–"),
  gflops === undefined ? `${few(gbps)} GB/s` : `${few(gflops)} GFLOP/s`,
  launches.join(", "),
];

const comparedTable = (into: HTMLElement) =>
  table(into, ["Result", "Largest error", "Allowed", "", "Kernels", "Test"], "Results");

const timedTable = (into: HTMLElement) =>
  table(into, ["Pass", "Median", "Quartiles", "Rate", "Launches"], "Times");

/** An empty table in place of what was there, and what adds rows to it. */
function table(into: HTMLElement, head: readonly string[], label: string): (...rows: Cells[]) => void {
  const box = document.createElement("div");
  box.className = "wide";
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", label);
  const made = document.createElement("table");
  const headRow = made.createTHead().insertRow();
  for (const text of head) {
    const cell = document.createElement(text === "" ? "td" : "th");
    cell.textContent = text;
    headRow.append(cell);
  }
  const body = made.createTBody();
  box.append(made);
  into.replaceChildren(box);
  return (...rows) => {
    for (const cells of rows) {
      const row = body.insertRow();
      for (const cell of cells) {
        const made = row.insertCell();
        made.append(...broken(typeof cell === "string" ? cell : cell.text));
        if (typeof cell !== "string") made.className = cell.kind;
      }
    }
  };
}
