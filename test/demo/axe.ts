/** What axe says of a page: whether everybody can use it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { SitePage } from "./site.ts";

/** A script that puts `axe` into a page. */
export const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: unknown; readonly failureSummary: string }[];
}

/** What axe finds in the page as it is, once the script is there. */
export async function violations(page: SitePage): Promise<unknown[]> {
  const found = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  )) as Violation[];
  return found.map(({ id, nodes }) => ({
    id,
    nodes: nodes.map(({ target, failureSummary }) => [target, failureSummary]),
  }));
}
