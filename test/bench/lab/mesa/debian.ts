/** Debian packages of another release than the machine's, downloaded and unpacked but not installed. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

const SUITE = "bookworm-backports";

export class Debian {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** Asks the machine's own mirror for the packages of the release. `folder` keeps them. */
  constructor(folder: string) {
    mkdirSync(join(folder, "lists", "partial"), { recursive: true });
    const sites = run("apt-get", ["indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"]);
    // Updates and security come from places of their own.
    const mirror = /^(\S+) [^-\s]+$/m.exec(sites)?.[1] ?? "http://deb.debian.org/debian";
    const list = join(folder, "sources.list");
    writeFileSync(list, `deb ${mirror} ${SUITE} main\ndeb-src ${mirror} ${SUITE} main\n`);
    this.#folder = folder;
    this.#options = [
      `Dir::Etc::sourcelist=${list}`,
      "Dir::Etc::sourceparts=/dev/null",
      `Dir::State::lists=${join(folder, "lists")}`,
      "Dir::Cache::pkgcache=",
      "Dir::Cache::srcpkgcache=",
      "APT::Sandbox::User=root",
    ].flatMap((option) => ["-o", option]);
    this.#apt("update", "-q");
  }

  /** Unpacks a package into a folder. */
  unpack(name: string, into: string): void {
    this.#apt("download", `${name}/${SUITE}`);
    run("dpkg", ["-x", this.#file(new RegExp(`^${name}_.*\\.deb$`)), into]);
  }

  /** Path of the archive with a package's source as its authors publish it. */
  source(name: string): string {
    try {
      this.#apt("source", "--download-only", `${name}/${SUITE}`);
    } catch (error) {
      // Debian's own files of a release may be gone from the mirror; only the archive counts.
      if (!this.#has(name)) throw error;
    }
    return this.#file(new RegExp(`^${name}_.*\\.orig\\.tar\\.xz$`));
  }

  #has(name: string): boolean {
    return readdirSync(this.#folder).some((file) => file.startsWith(`${name}_`));
  }

  #file(pattern: RegExp): string {
    const found = readdirSync(this.#folder).find((file) => pattern.test(file));
    if (!found) throw new Error(`apt-get left no ${pattern.source} in ${this.#folder}`);
    return join(this.#folder, found);
  }

  #apt(...args: string[]): void {
    run("apt-get", [...this.#options, ...args], this.#folder);
  }
}
