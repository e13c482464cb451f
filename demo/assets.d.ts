/** With `?url`, Vite gives a file's address. */
declare module "*?url" {
  const url: string;
  export default url;
}

/** Vite adds it to the page's style sheets. */
declare module "*.css";
