import { expect, it } from "vitest";
import { chosen } from "../../../demo/images/sources.ts";

const file = (path: string): File =>
  Object.defineProperty(new File([], path.split("/").at(-1)!), "webkitRelativePath", {
    value: path.includes("/") ? path : "",
  });

it("pictures of a folder of folders are sorted by the folder that they lie in", () => {
  const paths = ["pets/cats/a.png", "pets/dogs/big/b.png", "pets/cats/.DS_Store", "pets/Thumbs.db", "c.png"];
  expect(chosen(paths.map(file)).map(({ file: { name }, folder }) => [name, folder])).toEqual([
    ["a.png", "cats"],
    ["b.png", "big"],
    ["c.png", undefined],
  ]);
});
