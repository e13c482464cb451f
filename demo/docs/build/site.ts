/** All pages of the documentation, and what search looks in. */

import { publicDoors } from "./api/extract.ts";
import { apiPages, symbolLinks } from "./api/pages.ts";
import { guidePages } from "./guides.ts";
import { kernelPages } from "./kernels.ts";
import { type Page, parts } from "./page.ts";

export async function sitePages(): Promise<Page[]> {
  const doors = await publicDoors();
  return [...guidePages(symbolLinks(doors)), ...kernelPages(), ...apiPages(doors)];
}

/** One thing that can be found: its address, title, where it is and what is said of it. */
export interface Findable {
  readonly href: string;
  readonly title: string;
  readonly place: string;
  readonly text: string;
  /** Not shown. */
  readonly also?: string;
}

export function findables(pages: readonly Page[]): Findable[] {
  return pages.flatMap(({ path, title, summary, part, headings, also, found }) => [
    { href: path, title, place: parts[part], text: summary, ...(also && { also }) },
    ...(part === "guides" ? headings.filter(({ level }) => level > 1) : []).map(({ id, text }) => ({
      ...{ href: `${path}#${id}`, title: text, place: title, text: "" },
    })),
    ...(found ?? []).map((each) => ({
      ...{ href: `${path}#${each.id}`, title: each.title, place: title, text: each.text },
    })),
  ]);
}
