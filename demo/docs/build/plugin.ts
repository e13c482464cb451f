/** Vite plugin: the documentation, as static pages beside the app's. */
import type { Connect, Plugin, UserConfig } from "vite";
import { runnerImport } from "vite";
import { policyText } from "../../build/policy.ts";
import { cached, root } from "./cache.ts";
import { type Assets, framed, type Page } from "./page.ts";

/** The entry of the build that all its pages load. */
export const DOCS = "docs";

/** Its folder in the site, and in the sources of the page. */
const FOLDER = "docs/";

/** Where the files of this entry and of what it loads go. */
export const docsFolder = (name: string, file: string): string =>
  /^(docs|gallery)/.test(name) ? FOLDER + file : file;

interface Content {
  readonly pages: readonly Page[];
  readonly found: readonly object[];
}

/** Made in Vite's module runner, since it takes kernels and names from the library by its public names. */
const contentFor = (resolve: UserConfig["resolve"]): Promise<Content> =>
  cached(
    "docs-pages",
    ["src", "shaders", "demo/docs", "package.json", "package-lock.json", "test/static/package/sizes.md"],
    async () => {
      const config = { configFile: false, root, resolve: resolve ?? {}, logLevel: "error" } as const;
      const { module } = await runnerImport<typeof import("./site.ts")>(
        `${root}demo/docs/build/site.ts`,
        config,
      );
      const pages = await module.sitePages();
      return { pages, found: module.findables(pages) };
    },
  );

export function docs(): Plugin {
  let resolve: UserConfig["resolve"];
  return {
    name: "webgraft-docs",
    config(config) {
      resolve = config.resolve;
    },
    configureServer({ middlewares }) {
      const assets: Assets = { script: "page/docs.ts", style: "page/docs.css", icon: "../icon.svg" };
      const serve: Connect.NextHandleFunction = (request, response, next) => {
        const [, name] = /^\/docs\/([\w-]*\.html|search\.json|)(?:$|[?#])/.exec(request.url ?? "") ?? [];
        if (name === undefined) return next();
        contentFor(resolve).then(({ pages, found }) => {
          const page = pages.find(({ path }) => path === (name || "index.html"));
          if (name !== "search.json" && !page) return next();
          response.setHeader("content-type", page ? "text/html" : "application/json");
          response.end(page ? framed(page, pages, assets) : JSON.stringify(found));
        }, next);
      };
      middlewares.use(serve);
    },
    generateBundle: {
      // After the styles have their names.
      order: "post",
      async handler(_options, bundle) {
        const entry = Object.values(bundle).find(
          (file) => file.type === "chunk" && file.isEntry && file.name === DOCS,
        );
        const style = Object.keys(bundle).find((name) => /^docs\/docs-.*\.css$/.test(name));
        const icon = Object.keys(bundle).find((name) => /^icon-.*\.svg$/.test(name));
        if (entry?.type !== "chunk" || !style || !icon)
          this.error("docs: the build lacks script, style or icon");
        const { pages, found } = await contentFor(resolve);
        const here = (file: string): string => file.slice(FOLDER.length);
        const assets = {
          script: here(entry.fileName),
          style: here(style),
          icon: `../${icon}`,
          policy: policyText,
        };
        for (const page of pages) {
          this.emitFile({ type: "asset", fileName: FOLDER + page.path, source: framed(page, pages, assets) });
        }
        const code = Object.keys(bundle)
          .filter((file) => /^docs\/.*\.(js|css)$/.test(file))
          .map(here);
        const files = [...pages.map(({ path }) => path), ...code, "search.json"];
        this.emitFile({ type: "asset", fileName: `${FOLDER}search.json`, source: JSON.stringify(found) });
        this.emitFile({ type: "asset", fileName: `${FOLDER}files.json`, source: JSON.stringify(files) });
      },
    },
  };
}
