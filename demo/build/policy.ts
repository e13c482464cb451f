import type { Plugin } from "vite";

/** What the page may load and do: its own files, and pictures and films that it made itself. */
const policy: Readonly<Record<string, string>> = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' blob:",
  "media-src": "'self' blob:",
  "connect-src": "'self'",
  "worker-src": "'self'",
  "manifest-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
};

/** The policy as a page's `meta` element has it. */
export const policyText = Object.entries(policy)
  .map(([directive, sources]) => `${directive} ${sources}`)
  .join("; ");

/**
 * Vite plugin: a content security policy in the page itself, so that it holds on any server. Of a build only: Vite's
 * server injects styles and scripts.
 */
export function contentSecurityPolicy(): Plugin {
  return {
    name: "webgraft-content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: policyText },
        injectTo: "head-prepend",
      },
    ],
  };
}
