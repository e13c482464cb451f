/** With `?url`, Vite gives a file's address. */
declare module "*?url" {
  const url: string;
  export default url;
}

declare module "*.css";
