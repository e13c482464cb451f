import { chosen, type Sorted } from "./sources.ts";

interface FilesProps {
  readonly label: string;
  /** Goes on after the label, for those who do not see where it stands. */
  readonly purpose: string;
  readonly accept?: string;
  readonly multiple?: boolean;
  /** Whether a folder is chosen in place of files. */
  readonly folder?: boolean;
  readonly disabled?: boolean;
  readonly onFiles: (files: readonly Sorted[]) => void;
}

/** A button that lets one choose files. */
export function Files({ label, purpose, folder = false, disabled = false, onFiles, ...rest }: FilesProps) {
  return (
    <label class="plain files" data-disabled={disabled}>
      {label}
      <input
        type="file"
        aria-label={`${label} ${purpose}`}
        disabled={disabled}
        {...rest}
        {...(folder && { webkitdirectory: true })}
        onChange={({ currentTarget: input }) => {
          onFiles(chosen(input.files!));
          input.value = ""; // So that the same file can be chosen again.
        }}
      />
    </label>
  );
}
