/** Images of real guests: one boot sector each (`guest.S`), assembled on the spot. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What the guest does with the power button, or by itself after five seconds. */
const MODES = { obeys: 0, ignores: 1, "powers-off": 2, panics: 3, resets: 4 } as const;
export type GuestMode = keyof typeof MODES;

const MODE_OFFSET = 508;
/** A virtio disk of only a few sectors does not boot. */
const IMAGE_BYTES = 1024 * 1024;

/** Writes the image. Any number of guests may share it, read-only. */
export async function buildGuestImage(image: {
  readonly path: string;
  readonly mode: GuestMode;
}): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "vmsync-guest-"));
  try {
    const object = join(folder, "guest.o");
    await run("as", ["--32", "-o", object, join(import.meta.dirname, "guest.S")]);
    const flat = ["-m", "elf_i386", "-Ttext", "0", "--oformat", "binary"];
    await run("ld", [...flat, "-o", image.path, object]);
  } finally {
    await rm(folder, { recursive: true });
  }
  const file = await open(image.path, "r+");
  try {
    await file.write(Uint8Array.of(MODES[image.mode]), 0, 1, MODE_OFFSET);
  } finally {
    await file.close();
  }
  await truncate(image.path, IMAGE_BYTES);
}

/** A disk of one guest's own on top of an image, of the format that keeps snapshots. */
export async function overlay(image: string): Promise<string> {
  const path = `${image}.${randomUUID()}.qcow2`;
  await run("qemu-img", ["create", "-q", "-f", "qcow2", "-b", image, "-F", "raw", path]);
  return path;
}

/** An empty disk, to be attached. */
export async function aDisk(folder: string): Promise<string> {
  const path = join(folder, `${randomUUID()}.img`);
  await writeFile(path, new Uint8Array(IMAGE_BYTES));
  return path;
}
