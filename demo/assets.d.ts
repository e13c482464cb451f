/** With `?url`, Vite gives a file's address. */
declare module "*?url" {
  const url: string;
  export default url;
}

interface ImportMeta {
  /** Vite puts it in. */
  readonly env: { readonly PROD: boolean };
}

/** Vite adds it to the page's style sheets. */
declare module "*.css";

/** With `?raw`, its text. */
declare module "*?raw" {
  const text: string;
  export default text;
}
