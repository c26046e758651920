import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { logFiles } from "../../local/log-files.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("log files", () => {
  it("keep what a stream and the stack say, each in its file", async () => {
    const folder = join(temporaryFolder(), "logs");
    const seen: string[] = [];
    const logs = logFiles(folder, (text) => seen.push(text));
    const output = Readable.from([Buffer.from('{"a":1}\n')]);
    logs.collect("one", output);
    await new Promise((resolve) => output.once("end", resolve));
    logs.write("two", "line");
    logs.close();
    expect(readFileSync(join(folder, "one.log"), "utf8")).toBe('{"a":1}\n');
    expect(readFileSync(join(folder, "two.log"), "utf8")).toBe("line\n");
    expect(seen).toEqual(['{"a":1}\n', "line\n"]);
  });

  it("set a full file aside, so that a log cannot fill the disk", () => {
    const folder = temporaryFolder();
    const logs = logFiles(folder);
    const megabyte = "x".repeat(1_048_575);
    for (let at = 0; at < 24; at++) logs.write("big", megabyte);
    logs.close();
    expect(existsSync(join(folder, "big.log.1"))).toBe(true);
    expect(statSync(join(folder, "big.log")).size).toBeLessThan(5 * 1_048_576);
  });
});
