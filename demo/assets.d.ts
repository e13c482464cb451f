/** With `?url`, Vite gives a file's address. */
declare module "*?url" {
  const url: string;
  export default url;
}

/** With `?raw`, its text. */
declare module "*?raw" {
  const text: string;
  export default text;
}
