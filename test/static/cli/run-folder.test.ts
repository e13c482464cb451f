/** Who may write to a folder of results. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { WebgraftError } from "../../../src/base/errors.ts";
import { newFolder, RunFolder } from "../../../src/cli/run-folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-folders-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(scratch, "run-")), "out");
});

const checkpoint = "checkpoint.safetensors";
const model = "model.safetensors";
const lock = "run.lock";
const written = (): string[] => readdirSync(path).sort();

/** Leaves a run in the folder, finished or not. */
function leaveRun(...names: readonly string[]): void {
  const folder = new RunFolder(path);
  folder.write(Object.fromEntries(names.map((name) => [name, "the first run"])));
  folder.close();
}

describe("a folder in use", () => {
  it("is refused to another run, which is told whose it is", () => {
    const first = new RunFolder(path);
    for (const force of [false, true]) {
      const second = () => new RunFolder(path, { force });
      expect(second).toThrow(WebgraftError);
      expect(second).toThrow(
        new RegExp(`out is in use by another run — process ${process.pid}, since 20.*--out`),
      );
    }
    first.write({ [checkpoint]: "1" });
    first.close();
    expect(written()).toEqual([checkpoint]);
  });

  it("is free when its process has ended, however it did", () => {
    new RunFolder(path);
    const left = JSON.parse(readFileSync(join(path, lock), "utf8")) as object;
    const { pid: ended } = spawnSync(process.execPath, ["--version"]);
    for (const stale of [
      JSON.stringify({ ...left, pid: ended }),
      // The number of a process is given again to another one.
      ...(process.platform === "linux" ? [JSON.stringify({ ...left, process: "1" })] : []),
      "",
      '{"pid":0}',
      "null",
    ]) {
      writeFileSync(join(path, lock), stale);
      const folder = new RunFolder(path);
      folder.write({ [checkpoint]: "1" });
      folder.close();
      expect(written()).toEqual([checkpoint]);
      rmSync(join(path, checkpoint));
    }
  });

  it("on a disk shared with another machine stays in use, since that cannot be asked", () => {
    new RunFolder(path);
    const left = JSON.parse(readFileSync(join(path, lock), "utf8")) as object;
    const there = `not-${hostname()}`;
    writeFileSync(join(path, lock), JSON.stringify({ ...left, host: there, pid: 2 ** 22 + 1 }));
    expect(() => new RunFolder(path)).toThrow(
      new RegExp(` on ${there}, since .*; if it has ended, remove .*run\\.lock`),
    );
  });

  it("is not written to by a run that another one has taken it from", () => {
    const first = new RunFolder(path);
    rmSync(join(path, lock));
    expect(() => first.write({ [checkpoint]: "1" })).toThrow(/run\.lock was removed while this run/);
    const second = new RunFolder(path);
    second.write({ [checkpoint]: "2" });
    expect(() => first.write({ [checkpoint]: "1" })).toThrow(/in use by another run/);
    first.close();
    expect(written()).toEqual([checkpoint, lock]);
    second.close();
    expect(readFileSync(join(path, checkpoint), "utf8")).toBe("2");
  });
});

describe("a folder that holds a run", () => {
  it.each([
    ["a finished run", [checkpoint, "metrics.json", model, "report.html"]],
    ["a run that can go on", [checkpoint, "metrics.json", "report.html"]],
  ])("%s: is refused, unless it is to be overwritten", (what, names) => {
    leaveRun(...names);
    const next = () => new RunFolder(path);
    expect(next).toThrow(WebgraftError);
    expect(next).toThrow(new RegExp(`holds ${what} — .*--out, .*--resume .*${checkpoint}, .*--force`));
    expect(written()).toEqual(names);

    const folder = new RunFolder(path, { force: true });
    expect(written()).toEqual([...names, lock].sort()); // Nothing is lost before there is something new.
    folder.write({ [checkpoint]: "the second run", "metrics.json": "the second run" });
    expect(existsSync(join(path, model))).toBe(false); // It would be taken for one of this run.
    folder.write({ [model]: "the second run" });
    folder.close();
    expect(readFileSync(join(path, model), "utf8")).toBe("the second run");
  });

  it("is that of a resumed run, which goes on there", () => {
    leaveRun(checkpoint, model);
    const resumed = new RunFolder(path, { resumed: join(path, ".", checkpoint) });
    resumed.write({ [checkpoint]: "2" });
    resumed.close();
    expect(written()).toEqual([checkpoint, model]);
    const other = join(scratch, "other.safetensors");
    writeFileSync(other, "");
    expect(() => new RunFolder(path, { resumed: other })).toThrow(/holds a finished run/);
  });

  it("is rid of what was left by one that was killed while writing", () => {
    leaveRun(checkpoint);
    for (const name of [`${checkpoint}.123`, "metrics.json.4", "notes.5", `${checkpoint}.old`]) {
      writeFileSync(join(path, name), "");
    }
    new RunFolder(path, { resumed: join(path, checkpoint) }).close();
    expect(written()).toEqual([checkpoint, `${checkpoint}.old`, "notes.5"]);
  });
});

it("a folder that stays empty is taken away, unless it was there before", () => {
  const folder = new RunFolder(path);
  new RunFolder(scratch).close();
  folder.close();
  expect(existsSync(path)).toBe(false);
  folder.close();
  const [one, two] = [newFolder(path), newFolder(path)];
  expect(one).not.toBe(two);
  new RunFolder(one).close();
  new RunFolder(two, { made: true }).close();
  expect([existsSync(one), existsSync(two)]).toEqual([true, false]);
  expect(existsSync(scratch)).toBe(true);
  writeFileSync(join(scratch, "file"), "");
  expect(() => new RunFolder(join(scratch, "file", "b"))).toThrow(
    /cannot write to the folder .*part of the path is a file/,
  );
  expect(() => newFolder(join(scratch, "file"))).toThrow(
    /cannot make the folder .*part of the path is a file/,
  );
});
