/** Dropping and pasting pictures. */
import { effect, signal } from "@preact/signals";
import { place } from "../app/address.ts";
import { addFiles, target } from "./collection.ts";
import { type Sorted, transferred } from "./sources.ts";

/** The place that something is being dragged over. */
export const isOver = signal<number | string | undefined>(undefined);

/** The handlers of an element onto which pictures can be dropped. */
export function dropInto(over: number | string, take: (files: readonly Sorted[]) => void) {
  const leave = (): void => {
    if (isOver.value === over) isOver.value = undefined;
  };
  return {
    onDragOver(event: DragEvent) {
      event.preventDefault();
      event.stopPropagation();
      isOver.value = over;
    },
    onDragLeave: leave,
    onDrop(event: DragEvent) {
      event.preventDefault();
      event.stopPropagation();
      leave();
      if (event.dataTransfer) void transferred(event.dataTransfer).then(take);
    },
  };
}

async function paste(event: ClipboardEvent): Promise<void> {
  if (!event.clipboardData) return;
  const files = await transferred(event.clipboardData);
  await addFiles(files, target.value);
}

const onPaste = (event: ClipboardEvent): void => void paste(event);

effect(() => {
  if (place.value === "images") document.addEventListener("paste", onPaste);
  else document.removeEventListener("paste", onPaste);
});
