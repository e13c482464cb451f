/** In Node and Deno, leaves out the tests that need a page. */
import { beforeEach } from "vitest";
import { reasonToLeaveOut } from "./needs-page.ts";

beforeEach(({ task, skip }) => {
  const reason = reasonToLeaveOut(task.file.name, task.name);
  if (reason) skip(reason);
});
