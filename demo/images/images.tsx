/** A classifier for the visitor's own images. */
export function Images() {
  return <h1>Your images</h1>;
}
