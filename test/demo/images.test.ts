import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ElementHandle } from "puppeteer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeSafetensors, importOnnx } from "webgraft";
import { confused, missing, warnings } from "../../demo/images/words.ts";
import { heldOut, split } from "../../demo/worker/images-recipe.ts";
import { png } from "../support/data/png.ts";
import { openSite, type Site, type SitePage } from "./site.ts";

/** Stripes across or upright, each picture with others, as large as the page keeps them. */
const stripes = (upright: boolean, i: number): Uint8Array =>
  png(96, 96, (x, y) => {
    const bright = Math.floor((upright ? x : y) / (6 + i) + i / 3) % 2 === 0;
    return bright ? [250, 220, 200 - 9 * i] : [20, 10 + 9 * i, 40];
  });

/** Pictures of a class; the last fifth of them is for the test. */
const COUNT = 10;

const folder = mkdtempSync(join(tmpdir(), "webgraft-images-"));
const paths = (upright: boolean, from = 0, to = COUNT): string[] =>
  Array.from({ length: to - from }, (_, i) => {
    const path = join(folder, `${upright ? "upright" : "across"}-${from + i}.png`);
    writeFileSync(path, stripes(upright, from + i));
    return path;
  });

afterAll(() => rmSync(folder, { recursive: true }));

/** Keeps what the page would save, and gives it a camera that sees a canvas, or none at all. */
const STUBS = `
  globalThis.saved = [];
  const address = URL.createObjectURL;
  URL.createObjectURL = (blob) => (saved.push(blob), address.call(URL, blob));
  HTMLAnchorElement.prototype.click = () => {};
  navigator.mediaDevices.getUserMedia = async () => {
    if (!globalThis.camera) throw new DOMException("refused", "NotAllowedError");
    return camera.captureStream(20);
  };`;

async function upload(page: SitePage, name: string, files: readonly string[]): Promise<void> {
  const input = await page.waitForSelector(`input[type=file][aria-label="${name}"]`);
  await (input as ElementHandle<HTMLInputElement>).uploadFile(...files);
}

const press = (page: SitePage, name: string): Promise<void> =>
  page.locator(`::-p-aria([name="${name}"][role="button"])`).click();

/** Numbers and their units do not part at the end of a line. */
const plain = (text: string | null): string => text?.replaceAll("\u00a0", " ") ?? "";

const waitForText = (page: SitePage, text: string): Promise<unknown> =>
  page.waitForFunction(
    (text) => document.body.textContent?.replaceAll("\u00a0", " ").includes(text),
    {},
    text,
  );

/** Waits until each class has so many pictures. */
const waitForCounts = (page: SitePage, ...counts: readonly number[]): Promise<unknown> =>
  page.waitForFunction(
    (counts) => {
      const said = [...document.querySelectorAll(".count")].map(({ textContent }) =>
        Number.parseInt(textContent ?? "", 10),
      );
      return said.join() === counts.join();
    },
    {},
    counts,
  );

/** The network's percentages for a picture, by class. */
async function guess(page: SitePage, path: string): Promise<string[]> {
  await upload(page, "A picture… to look at", [path]);
  await page.waitForFunction(
    `document.querySelector("[aria-label='Probability of each class'] [data-best=true]")`,
  );
  return page.$$eval("[aria-label='Probability of each class'] b", (all) =>
    all.map((b) => b.textContent ?? ""),
  );
}

/** The file that the page would have saved. */
async function save(page: SitePage, name: string): Promise<Uint8Array> {
  await page.evaluate("saved.length = 0");
  await press(page, name);
  await page.waitForFunction("saved.length > 0");
  const bytes = await page.evaluate("saved[0].bytes().then((bytes) => Array.from(bytes))");
  return Uint8Array.from(bytes as number[]);
}

describe("words", () => {
  const classes = (...counts: number[]) =>
    counts.map((count, i) => ({ name: "abc"[i]!, pictures: Array.from({ length: count }, (_, k) => k) }));

  test("say what is missing and what is uneven", () => {
    expect(missing(classes(2, 1))).toContain("Still short: “b”");
    expect(missing(classes(2, 2))).toBeUndefined();
    expect(missing([...classes(2), ...classes(2)])).toContain("the same name");
    expect(warnings(classes(30, 9)).join()).toContain(
      "“a” has more than 3 times as many pictures as “b” (30 and 9)",
    );
    expect(warnings(classes(27, 9))).toEqual([]);
    expect(warnings(classes(9, 7)).join()).toContain("Fewer than 8 pictures (“b” 7)");
  });

  test("name the worst confusions", () => {
    const sentences = confused(
      [
        [3, 1, 0],
        [0, 4, 0],
        [2, 0, 2],
      ],
      ["a", "b", "c"],
    );
    expect(sentences.map(plain)).toEqual([
      "2 pictures of “c” taken for “a”.",
      "1 picture of “a” taken for “b”.",
    ]);
  });

  test("a fifth of each class is kept back, at least one picture", () => {
    expect([2, 4, 9, 10, 25].map(heldOut)).toEqual([1, 1, 1, 2, 5]);
    const image = (i: number) => ({ width: i, height: 1, data: new Uint8Array(3 * i) });
    const { train, test: kept } = split([
      [image(1), image(2)],
      [image(3), image(4), image(5)],
    ]);
    expect([train.images.map(({ width }) => width), train.labels]).toEqual([
      [1, 3, 4],
      [0, 1, 1],
    ]);
    expect([kept.images.map(({ width }) => width), kept.labels]).toEqual([
      [2, 5],
      [0, 1],
    ]);
  });
});

describe.each(["chrome", "firefox"] as const)("%s", (engine) => {
  let site: Site;
  let page: SitePage;
  let model: Uint8Array;

  beforeAll(async () => {
    site = await openSite(engine);
    page = await site.open("#/images", STUBS);
  });

  afterAll(() => site.close());

  test("pictures become classes, and a file that is none is named", async () => {
    const broken = join(folder, "broken.png");
    writeFileSync(broken, "no picture");
    await upload(page, "Files… for Class 1", [...paths(false), broken]);
    await waitForText(page, "1 file skipped");
    await waitForText(page, "broken.png: the browser cannot read it as a picture");
    await upload(page, "Files… for Class 2", paths(true));
    await waitForCounts(page, 10, 10);
  });

  test("pictures can be dropped on a class, and pasted", async () => {
    const other = await site.open("#/images");
    const give = (event: "drop" | "paste", bytes: Uint8Array): Promise<void> =>
      other.evaluate(
        (event, bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], "a.png", { type: "image/png" }));
          const how = { bubbles: true, cancelable: true };
          if (event === "paste") {
            // Firefox gives an event that a page makes an empty clipboard.
            const pasted = new ClipboardEvent("paste", how);
            Object.defineProperty(pasted, "clipboardData", { value: data });
            document.body.dispatchEvent(pasted);
          } else {
            const onto = document.querySelectorAll(".class")[1]!;
            onto.dispatchEvent(new DragEvent("drop", { ...how, dataTransfer: data }));
          }
        },
        event,
        Array.from(bytes),
      );
    await other.waitForSelector(".class");
    await give("drop", stripes(true, 0));
    await waitForCounts(other, 0, 1);
    await give("paste", stripes(false, 0));
    await other.waitForFunction("document.querySelectorAll('.thumb').length === 2");
    await other.close();
    await page.bringToFront();
  });

  test("training can be stopped", async () => {
    await press(page, "Train");
    await press(page, "Stop");
    await page.waitForSelector("::-p-aria([name='Train'][role='button'])");
    expect(await page.$(".images [role=alert]")).toBeNull();
  });

  test("training ends in a network that tells new pictures apart", async () => {
    await press(page, "Train");
    await waitForText(page, "4 of 4 test pictures recognised, 100 %.");
    await waitForText(page, "No class was taken for another.");
    const rows = await page.$$eval(".images tr", (all) => all.map((row) => row.textContent));
    expect(rows.map(plain)).toEqual(["Class 1✓ 100 %2 of 2", "Class 2✓ 100 %2 of 2"]);
    for (const upright of [false, true]) {
      const shares = await guess(page, paths(upright, 11, 12)[0]!);
      const [right, wrong] = (upright ? shares.toReversed() : shares).map(Number.parseFloat);
      expect(right).toBeGreaterThan(wrong!);
    }
  });

  test("pictures and network stay while one is at another place", async () => {
    await page.evaluate("location.hash = '#/race'");
    await waitForText(page, "Does a shortcut help");
    await page.evaluate("location.hash = '#/images'");
    await waitForText(page, "4 of 4 test pictures recognised");
    expect(await page.$$eval(".thumb", (all) => all.length)).toBe(2 * COUNT);
  });

  test("the network is saved in three forms, and the model file opens again", async () => {
    model = await save(page, "Model file");
    expect(decodeSafetensors(model, "model").metadata.webgraft).toContain('"labels":["Class 1","Class 2"]');
    const { model: onnx } = importOnnx(await save(page, "ONNX"));
    expect(onnx).toMatchObject({ inputShape: [28, 28, 1], classes: 2 });
    const weights = decodeSafetensors(await save(page, "Weights"), "weights").tensors;
    expect(weights.get("fc.weight")?.shape).toEqual([2, 64]);

    const file = join(folder, "saved.safetensors");
    writeFileSync(file, model);
    const other = await site.open("#/images", STUBS);
    await upload(other, "Open it… from a model file", [file]);
    await waitForText(other, "The network of saved.safetensors");
    const [picture] = paths(true, 12, 13);
    const guessed = await guess(other, picture!);
    // It stays open: to close it would end what it still loads, with a complaint.
    await page.bringToFront();
    expect(await guess(page, picture!)).toEqual(guessed);
  });

  test("the code that is shown makes the same network, bit for bit", async () => {
    await page.locator("summary ::-p-text(The code that rebuilds exactly this)").click();
    const shown = await page.waitForSelector("textarea");
    const contents = await shown!.evaluate((area) => area.value);
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const { outputFiles } = await build({
      stdin: { contents, loader: "ts", resolveDir: root },
      alias: { webgraft: join(root, "src/index.ts") },
      ...{ bundle: true, format: "iife", globalName: "app", target: "es2022", write: false },
    });
    const elsewhere = await site.open("#/images");
    const pictures = [false, true].map((upright) =>
      Array.from({ length: COUNT }, (_, i) => Array.from(stripes(upright, i))),
    );
    await elsewhere.evaluate(`${outputFiles![0]!.text}; globalThis.app = app;`);
    const weights = readFileSync(join(root, "src/pretrained/resnet20-fashion.safetensors"));
    const again = await elsewhere.evaluate(
      async (pictures, weights) => {
        const blobs = pictures.map((each) => each.map((bytes) => new Blob([Uint8Array.from(bytes)])));
        const { app } = globalThis as unknown as {
          app: { rebuild(pictures: Blob[][], weights: Blob): Promise<Uint8Array> };
        };
        return Array.from(await app.rebuild(blobs, new Blob([Uint8Array.from(weights)])));
      },
      pictures,
      Array.from(weights),
    );
    expect(Buffer.from(again).equals(Buffer.from(model))).toBe(true);
    await elsewhere.close();
    await page.bringToFront();
  });

  test("says what to do without a camera, and records frames with one", async () => {
    await press(page, "Turn the webcam on");
    await waitForText(page, "The browser did not allow the camera.");
    await page.evaluate(`{
      globalThis.camera = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
      const context = camera.getContext("2d");
      setInterval(() => {
        context.fillStyle = "hsl(" + performance.now() / 10 + " 80% 50%)";
        context.fillRect(0, 0, 64, 48);
      }, 50);
    }`);
    await press(page, "Turn the webcam on");
    const button = await page.waitForSelector("::-p-aria([name='Hold to record Class 2'])");
    await button!.scrollIntoView();
    await button!.hover();
    await page.mouse.down();
    await page.waitForFunction("Number.parseInt(document.querySelectorAll('.count')[1].textContent) >= 12");
    await page.mouse.up();
    await waitForText(page, "Your pictures have changed since.");
    await page.evaluate("location.hash = '#/race'");
    await waitForText(page, "Does a shortcut help");
    expect(site.complaints).toEqual([]);
  });
});
