/** In Node and Deno, leaves out the tests that need a page. */
import { beforeEach } from "vitest";
import { pageTests } from "./needs-page.ts";

beforeEach(({ task, skip }) => {
  const found = pageTests.find(({ file, name }) => file === task.file.name && task.name.startsWith(name));
  if (found) skip(`needs ${found.needs}`);
});
