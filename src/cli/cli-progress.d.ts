// The package has no types of its own; these are of what is used here.
declare module "cli-progress" {
  export interface Options {
    readonly format: string;
    readonly stream?: NodeJS.WritableStream;
    readonly barCompleteChar?: string;
    readonly barIncompleteChar?: string;
    readonly barsize?: number;
    readonly hideCursor?: boolean;
    readonly gracefulExit?: boolean;
    readonly emptyOnZero?: boolean;
  }
  export class SingleBar {
    constructor(options: Options);
    start(total: number, value: number, payload?: Readonly<Record<string, string>>): void;
    update(value: number, payload?: Readonly<Record<string, string>>): void;
    stop(): void;
  }
}
