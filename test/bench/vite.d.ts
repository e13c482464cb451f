/** With `?raw`, Vite gives the text of a file. */
declare module "*.wgsl?raw" {
  const text: string;
  export default text;
}

/** With `?url`, Vite gives a file's address. */
declare module "*.wasm?url" {
  const url: string;
  export default url;
}
