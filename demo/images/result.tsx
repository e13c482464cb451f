import { signal } from "@preact/signals";
import { counted, percent } from "../app/words.ts";
import { type ExportKind, exportKinds, type Trained } from "../worker/images-events.ts";
import { writeCode } from "./code.ts";
import { labels, openedFrom, saveAs, trained } from "./network.ts";
import { byClass, confused } from "./words.ts";

/** The code, once asked for, and of which training it is. */
const code = signal<{ readonly of: Trained; readonly text: string } | undefined>(undefined);

const copied = signal(false);

async function showCode(of: Trained): Promise<void> {
  if (code.value?.of === of) return;
  copied.value = false;
  code.value = { of, text: await writeCode(of) };
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    copied.value = true;
  } catch (error) {
    // Not allowed here; the code can be selected and copied by hand.
    console.debug(error);
  }
}

const exports: Readonly<Record<ExportKind, readonly [label: string, hint: string]>> = {
  model: ["Model file", "opens here again, and with loadModel of the library"],
  onnx: ["ONNX", "for other programs, which must prepare pictures as the code says"],
  weights: ["Weights", "safetensors with PyTorch’s names"],
};

/** How the network did on the pictures that it had not seen. */
function Accuracy({ of }: { readonly of: Trained }) {
  const classes = byClass(of.confusion);
  const right = classes.reduce((sum, each) => sum + each.right, 0);
  const tested = classes.reduce((sum, each) => sum + each.of, 0);
  const mistakes = confused(of.confusion, of.labels);
  return (
    <>
      <div class="verdict" role="status">
        <p>
          <b>
            {right} of {counted(tested, "test picture")} recognised, {percent(right / tested, 0)}.
          </b>
        </p>
        <p class="hint">
          The network had not seen them: the last fifth of each class was kept back. It learnt from{" "}
          {counted(of.trainImages, "picture")} in {of.seconds.toFixed(1)} s on {of.adapter}.
        </p>
      </div>
      <table>
        <caption>Accuracy per class</caption>
        <tbody>
          {classes.map((each, i) => (
            <tr key={of.labels[i]}>
              <th scope="row">{of.labels[i]}</th>
              <td class={each.right === each.of ? "right" : "wrong"}>
                {each.right === each.of ? "✓" : "✗"} {percent(each.right / each.of, 0)}
              </td>
              <td>
                {each.right} of {each.of}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {mistakes.length > 0 ? (
        mistakes.map((sentence) => <p key={sentence}>{sentence}</p>)
      ) : (
        <p>No class was taken for another.</p>
      )}
      {tested < 20 && (
        <p class="hint">
          So few test pictures say little: one more mistake would be {percent(1 / tested, 0)}. Frames of one
          recording look alike, so try it on something new, too.
        </p>
      )}
    </>
  );
}

/** What came out, and what one can take along. */
export function Result() {
  if (!labels.value) return null;
  const of = trained.value;
  return (
    <section class="result" aria-labelledby="result-title">
      <h2 id="result-title">{of ? "How well it does" : `The network of ${openedFrom.value}`}</h2>
      {of && <Accuracy of={of} />}
      <h3>Take it along</h3>
      <ul class="exports">
        {exportKinds.map((kind) => (
          <li key={kind}>
            <button type="button" class="plain" onClick={() => void saveAs(kind)}>
              {exports[kind][0]}
            </button>
            <span class="hint">{exports[kind][1]}</span>
          </li>
        ))}
      </ul>
      {of && (
        <details onToggle={({ currentTarget }) => currentTarget.open && void showCode(of)}>
          <summary>The code that rebuilds exactly this</summary>
          {code.value?.of === of && (
            <>
              <button type="button" class="plain" onClick={() => void copy(code.value!.text)}>
                {copied.value ? "Copied ✓" : "Copy the code"}
              </button>
              <textarea readOnly rows={16} spellcheck={false} aria-label="The code" value={code.value.text} />
            </>
          )}
        </details>
      )}
    </section>
  );
}
