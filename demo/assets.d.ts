/** Vite gives the address of the file. */
declare module "*?url" {
  const url: string;
  export default url;
}
