import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { HELP, parseOptions } from "../../local/options.ts";

const run = (...args: readonly string[]) => {
  const parsed = parseOptions(args);
  if (parsed.kind !== "run") throw new Error(JSON.stringify(parsed));
  return parsed.options;
};

describe("the command line", () => {
  it("has defaults for everything", () => {
    expect(run()).toMatchObject({
      port: 8787,
      data: { kind: "folder", path: resolve(".vmsync") },
      hosts: 0,
      vmsPerHost: 0,
      stage: "vmsync",
      json: false,
      verbose: false,
      settings: { reportIntervalSeconds: 60 },
    });
  });

  it("takes every option", () => {
    const options = run(
      ...["--port", "0", "--ephemeral", "--hosts", "3", "--vms-per-host", "5", "--stage", "test"],
      ...[
        "--set",
        "leaseSeconds=9",
        "--set",
        "commandTimeoutSeconds.start=7",
        "--json",
        "--verbose",
      ],
    );
    expect(options).toMatchObject({
      port: 0,
      data: { kind: "ephemeral" },
      hosts: 3,
      vmsPerHost: 5,
      stage: "test",
      json: true,
      verbose: true,
      settings: { leaseSeconds: 9, commandTimeoutSeconds: { start: 7 } },
    });
  });

  it("explains each of its options", () => {
    expect(parseOptions(["--help", "--port", "x"])).toEqual({ kind: "help" });
    for (const option of ["port", "data", "ephemeral", "hosts", "vms-per-host", "set", "stage"])
      expect(HELP).toContain(`--${option}`);
  });

  it.each([
    ["an unknown option", ["--prot", "1"], "--prot"],
    ["an option without its value", ["--port"], "--port"],
    ["something that is no option", ["start"], "start"],
    ["a port that is no number", ["--port", "http"], 'not "http"'],
    ["a port that does not exist", ["--port", "70000"], "0 to 65535"],
    ["more hosts than it can hold", ["--hosts", "501"], "0 to 500"],
    ["VMs without hosts", ["--vms-per-host", "2"], "needs --hosts"],
    ["two places for the data", ["--data", "d", "--ephemeral"], "not both"],
    ["an unknown setting", ["--set", "colour=red"], 'unknown setting "colour"'],
    ["a setting of a wrong kind", ["--set", "leaseSeconds=soon"], 'setting "leaseSeconds"'],
    ["a setting without a value", ["--set", "leaseSeconds"], "name=value"],
    ["a stage that fits into no name", ["--stage", "Prod!"], 'stage "Prod!"'],
  ])("refuses %s in one line", (_, args, said) => {
    const parsed = parseOptions(args);
    if (parsed.kind !== "refused") throw new Error(parsed.kind);
    expect(parsed.reason).toContain(said);
    expect(parsed.reason).not.toContain("\n");
  });
});
