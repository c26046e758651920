/**
 * `npm run test:real -- [--install] [vitest's own arguments]`: the tests against real libvirt and QEMU. Needs root and
 * Debian's packages, which `--install` installs first.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

const NEEDED = [
  "/usr/sbin/libvirtd",
  "/usr/bin/qemu-system-x86_64",
  "/usr/bin/qemu-img",
  "/usr/bin/as",
] as const;

const args = process.argv.slice(2);
const install = args.includes("--install");
if (install) run("bash", [join(import.meta.dirname, "install.sh")]);
const missing = NEEDED.filter((path) => !isThere(path));
if (process.getuid?.() !== 0) refuse("the real tests need root");
if (missing.length > 0) refuse(`${missing.join(", ")} missing: run with --install`);
run("npx", ["vitest", "run", "--project", "real", ...args.filter((arg) => arg !== "--install")]);

function run(command: string, argv: readonly string[]): void {
  const { status } = spawnSync(command, argv, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function refuse(reason: string): never {
  process.stderr.write(`test:real: ${reason}\n`);
  process.exit(1);
}
