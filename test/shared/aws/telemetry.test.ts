import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** The lines that a process writes which logs and counts through the port, parsed. */
function linesOf(script: string): readonly unknown[] {
  const module = new URL("../../../shared/aws/telemetry.ts", import.meta.url).href;
  const source = `
    import { powertoolsTelemetry } from ${JSON.stringify(module)};
    const telemetry = powertoolsTelemetry({ stage: "dev", version: "1.2.3" });
    ${script}`;
  const cwd = fileURLToPath(new URL("../../..", import.meta.url));
  const args = ["--no-warnings", "--input-type=module", "-e", source];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  // Errors go to the other stream.
  const lines = `${stdout}${stderr}`.trim().split("\n");
  return lines.map((line): unknown => JSON.parse(line));
}

test("a log line is one JSON object with stage, version and the fields given", () => {
  const lines = linesOf(`
    const error = new Error("outer", { cause: new Error("inner") });
    telemetry.log({ level: "error", message: "größe ✓", vmId: "v", error });`);
  expect(lines).toEqual([
    expect.objectContaining({
      ...{ level: "ERROR", message: "größe ✓", stage: "dev", version: "1.2.3", vmId: "v" },
      error: expect.objectContaining({ message: "outer" }),
    }),
  ]);
  expect(JSON.stringify(lines)).toContain("inner");
});

test("secrets are never written, at any depth", () => {
  const lines = linesOf(`telemetry.log({
    level: "info", message: "m", joinToken: "S3CRET", hostId: "h", tokenId: "kept",
    request: { headers: { authorization: "Bearer S3CRET" }, body: { secretAccessKey: "S3CRET" } },
    session: { credentials: { accessKeyId: "S3CRET" }, sessionToken: "S3CRET" },
  });`);
  expect(JSON.stringify(lines)).not.toContain("S3CRET");
  expect(lines).toEqual([expect.objectContaining({ hostId: "h", tokenId: "kept" })]);
});

test("a counter is written at once, as an embedded metric by stage", () => {
  const lines = linesOf(
    `
    telemetry.count("commitConflicts");
    telemetry.count("wakeUpsSent", 7);
    process.exit(0);`,
  );
  expect(lines).toEqual([
    expect.objectContaining({ stage: "dev", commitConflicts: 1 }),
    expect.objectContaining({ stage: "dev", wakeUpsSent: 7 }),
  ]);
  expect(JSON.stringify(lines[0])).toContain('"Namespace":"vmsync"');
});
