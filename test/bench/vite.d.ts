/** Vite gives the text of a file, … */
declare module "*.wgsl?raw" {
  const text: string;
  export default text;
}

/** … or where it serves it. */
declare module "*.wasm?url" {
  const url: string;
  export default url;
}
