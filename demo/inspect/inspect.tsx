/** One lane from the inside. */
export function Inspect() {
  return <h1>Inspect</h1>;
}
