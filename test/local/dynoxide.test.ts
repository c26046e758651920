import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it, onTestFinished } from "vitest";
import { startDynoxide } from "../../local/dynoxide.ts";
import { StartError } from "../../local/start-error.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const clientOf = (endpoint: string): DynamoDBClient => {
  const credentials = { accessKeyId: "k", secretAccessKey: "s" };
  const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials });
  onTestFinished(() => client.destroy());
  return client;
};
const makeTable = (endpoint: string) =>
  clientOf(endpoint).send(
    new CreateTableCommand({
      TableName: "things",
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    }),
  );
const tables = async (endpoint: string) =>
  (await clientOf(endpoint).send(new ListTablesCommand())).TableNames;
/** Processes of the engine on that file. */
const engines = (file: string): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const [command = "", ...args] = readCommand(pid);
      return command.endsWith("/dynoxide") && args.includes(file);
    })
    .map(Number);
const readCommand = (pid: string): readonly string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // ended in between
  }
};
const start = async (file: string, lines: string[] = []) => {
  const engine = await startDynoxide({ file, onLine: (text) => lines.push(text) });
  onTestFinished(engine.stop);
  return engine;
};

describe("dynoxide", () => {
  it("listens on loopback and keeps what it was given", async () => {
    const file = join(temporaryFolder(), "db");
    const first = await start(file);
    expect(first.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await makeTable(first.endpoint);
    await first.stop();
    expect(engines(file)).toEqual([]);
    const second = await start(file);
    expect(await tables(second.endpoint)).toEqual(["things"]);
  });

  it("X2 is started again where it was when it dies, with everything it had", async () => {
    const file = join(temporaryFolder(), "db");
    const lines: string[] = [];
    const { endpoint } = await start(file, lines);
    await makeTable(endpoint);
    const [pid = 0] = engines(file);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => engines(file).filter((one) => one !== pid)).toHaveLength(1);
    await expect.poll(() => tables(endpoint).catch(() => "not yet")).toEqual(["things"]);
    expect(lines.join()).toContain("starting it again");
  });

  it("X1 ends with the process that started it, even when that is killed", async () => {
    const file = join(temporaryFolder(), "db");
    const child: ChildProcess = spawn(
      process.execPath,
      [join(import.meta.dirname, "dynoxide-child.ts"), file],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    onTestFinished(() => void child.kill("SIGKILL"));
    const [said] = child.stdout ? await once(child.stdout, "data") : [];
    expect(String(said)).toMatch(/^http/);
    expect(engines(file)).toHaveLength(1);
    child.kill("SIGKILL");
    await expect.poll(() => engines(file)).toEqual([]);
  });

  it.each([
    ["is not installed", "@dynoxide/plan9-z80"],
    ["is installed without its binary", "zod"],
  ])("that %s is one line that names the way out", async (_, packageName) => {
    const attempt = startDynoxide({ file: undefined, onLine: () => {}, packageName });
    await expect(attempt).rejects.toThrow(StartError);
    await expect(attempt).rejects.toThrow(
      /^no DynamoDB engine for \S+: \S+ is not installed; set VMSYNC_DYNAMODB_ENDPOINT .*$/,
    );
  });

  it("that cannot open its file says so at once, in one line", async () => {
    const file = join(temporaryFolder(), "db");
    writeFileSync(file, "not a database");
    const attempt = startDynoxide({ file, onLine: () => {} });
    await expect(attempt).rejects.toThrow(StartError);
    await expect(attempt).rejects.toThrow(/^dynoxide, the DynamoDB engine, ended: .+$/);
    expect(engines(file)).toEqual([]);
  });
});
