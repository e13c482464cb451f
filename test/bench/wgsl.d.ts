/** Vite gives the text of a file. */
declare module "*.wgsl?raw" {
  const text: string;
  export default text;
}
