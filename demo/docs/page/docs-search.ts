/** The search dialog: names, headings and kernels, found as one types. */
import MiniSearch from "minisearch";
import type { Findable } from "../build/site.ts";

/** Results that are shown. */
const MOST = 12;

let opened: Promise<HTMLDialogElement> | undefined;

export async function openSearch(): Promise<void> {
  opened ??= make();
  const dialog = await opened;
  dialog.showModal();
  dialog.querySelector("input")!.select();
}

async function make(): Promise<HTMLDialogElement> {
  const found = (await (await fetch("search.json")).json()) as Findable[];
  const index = new MiniSearch<Findable & { readonly id: number }>({
    fields: ["title", "text", "place", "also"],
    // `Trainer.fit` and conv2d_forward are found by their parts, too.
    tokenize: (text) => text.split(/[^\p{L}\p{N}]+|(?<=\p{Ll})(?=\p{Lu})/u),
    searchOptions: { prefix: true, fuzzy: 0.15, boost: { title: 4 }, combineWith: "AND" },
  });
  index.addAll(found.map((each, id) => ({ id, ...each })));

  const dialog = document.createElement("dialog");
  dialog.className = "search";
  dialog.setAttribute("aria-label", "Search");
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "A name, a kernel, a word";
  input.setAttribute("aria-label", "What to look for");
  const status = document.createElement("p");
  status.className = "quiet";
  status.setAttribute("role", "status");
  const list = document.createElement("ul");
  dialog.append(input, status, list);
  document.body.append(dialog);

  input.addEventListener("input", () => {
    const results = index.search(input.value);
    const shown = results.slice(0, MOST).map(({ id }) => resultOf(found[id as number]!));
    list.replaceChildren(...shown);
    status.textContent = input.value === "" ? "" : `${results.length} found`;
  });
  dialog.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? links[at - 1]! : input).focus();
    else if (event.key === "Enter" && at < 0) links[0]?.click();
    else return;
    event.preventDefault();
  });
  // A link within this page leaves the dialog open otherwise.
  list.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });
  return dialog;
}

function resultOf({ href, title, place, text }: Findable): HTMLLIElement {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = href;
  const [name, where, words] = ["strong", "small", "span"].map((tag) => document.createElement(tag));
  name!.textContent = title;
  where!.textContent = place;
  words!.textContent = text;
  link.append(name!, " ", where!, words!);
  item.append(link);
  return item;
}
