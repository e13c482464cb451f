/** What every page of the documentation runs: search, the run buttons of a kernel, and reading offline. */
import "./docs.css";
import { keepAll } from "./docs-offline.ts";

const find = document.getElementById("find")!;

async function search(): Promise<void> {
  const { openSearch } = await import("./docs-search.ts");
  await openSearch();
}

find.addEventListener("click", () => void search());

document.addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, altKey, target } = event;
  const types = target instanceof HTMLElement && /^(input|textarea|select)$/i.test(target.tagName);
  if (types || altKey || !(key === "/" || ((ctrlKey || metaKey) && key === "k"))) return;
  event.preventDefault();
  void search();
});

const run = document.querySelector<HTMLElement>("section.run");
if (run) void import("./gallery.ts").then(({ openGallery }) => openGallery(run));

if (import.meta.env.PROD) void keepAll();
