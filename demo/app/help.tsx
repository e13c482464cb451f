import { keys, keysAreOn, setKeys } from "./keys.ts";

let dialog: HTMLDialogElement | null = null;

const keep = (element: HTMLDialogElement | null): void => {
  dialog = element;
};

export const openHelp = (): void => dialog?.showModal();

/** What the keys do. */
export function Help() {
  return (
    <dialog ref={keep} class="sheet" aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <table>
        <tbody>
          {keys.map(({ shown, does }) => (
            <tr key={shown}>
              <th scope="row">
                <kbd>{shown}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">
        A key does nothing while you type, or where the focused control has a use of its own for it.
        Everything can be reached with Tab, too.
      </p>
      <label class="check">
        <input
          type="checkbox"
          checked={keysAreOn.value}
          onChange={(event) => setKeys(event.currentTarget.checked)}
        />
        These keys are on
      </label>
      <p>
        How it works, and how to build with it: <a href="docs/index.html">the documentation</a>.
      </p>
      <p>
        <button type="button" class="primary" autofocus onClick={() => dialog?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}
