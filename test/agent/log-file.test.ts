import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLogFile } from "../../agent/log-file.ts";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vmsync-log-"));
  path = join(folder, "log");
});
afterEach(() => rm(folder, { recursive: true }));

test("F1: what was appended is read again, in order", async () => {
  const first = await openLogFile(path);
  await Promise.all(["a\n", "b\n", "c\n"].map((text) => first.file.append(text)));
  await first.file.append("d\n");
  await first.file.close();
  const second = await openLogFile(path);
  expect(second.text).toBe("a\nb\nc\nd\n");
  await second.file.close();
});

test("F2: a replaced file holds the new text and what was appended after, never both texts", async () => {
  const { file } = await openLogFile(path);
  const steps = [file.append("old\n"), file.replace("new\n"), file.append("newer\n")];
  await Promise.all(steps);
  await file.close();
  expect(await readFile(path, "utf8")).toBe("new\nnewer\n");
});

test("F3: a torn last line is cut off, and what is appended next begins a line", async () => {
  await appendFile(path, "whole\nto");
  const { text, file } = await openLogFile(path);
  expect(text).toBe("whole\n");
  await file.append("next\n");
  await file.close();
  expect(await readFile(path, "utf8")).toBe("whole\nnext\n");
});

test("F4: after a failed write every later one fails too", async () => {
  const { file } = await openLogFile(path);
  await file.close();
  await expect(file.append("a\n")).rejects.toThrow();
  await expect(file.replace("b\n")).rejects.toThrow();
});

test("what was promised before kill -9 is on the disk", async () => {
  const program = `
    import { openLogFile } from ${JSON.stringify(join(import.meta.dirname, "../../agent/log-file.ts"))};
    const { file } = await openLogFile(${JSON.stringify(path)});
    for (let n = 0; ; n += 1) {
      await file.append(n + "\\n");
      process.stdout.write(n + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program]);
  let promised = "";
  child.stdout.on("data", (chunk: Buffer) => {
    promised += chunk.toString();
    if (promised.length > 500) child.kill("SIGKILL");
  });
  await once(child, "close");
  const { text, file } = await openLogFile(path);
  await file.close();
  const lines = promised.slice(0, promised.lastIndexOf("\n") + 1);
  expect(lines.length).toBeGreaterThan(500);
  expect(text.startsWith(lines)).toBe(true);
});
