import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { clientOf } from "../support/running-stack.ts";
import { type StackProcess, stackProcess } from "../support/stack-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const TEST_MS_MAX = 120_000;
const start = (args: readonly string[], environment?: Record<string, string>): StackProcess => {
  const made = stackProcess(args, environment);
  onTestFinished(async () => void (await made.kill("SIGKILL")));
  return made;
};
/** One line for a person, and nothing else. */
const refusal = async (args: readonly string[], environment?: Record<string, string>) => {
  const { code, stderr } = await start(args, environment).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^vmsync: [^\n]+\n$/);
  return stderr;
};

describe("npm start", { timeout: TEST_MS_MAX }, () => {
  it("serves with the same token and data after a clean stop, which takes seconds", async () => {
    const data = join(temporaryFolder(), "data");
    const first = start(["--port", "0", "--data", data]);
    const { url, adminToken, adminTokenFile } = await first.ready;
    expect(statSync(adminTokenFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(adminTokenFile, "utf8")).toBe(`${adminToken}\n`);
    const vm = await clientOf({ url, token: adminToken }).createVm({ name: "kept" });

    const port = new URL(url).port;
    expect(await refusal(["--port", "0", "--data", data])).toContain("in use by another vmsync");
    expect(await refusal(["--port", port, "--ephemeral"])).toContain(`port ${port} is in use`);

    const toldAt = performance.now();
    expect(await first.kill("SIGTERM")).toEqual({ code: 0, stderr: "" });
    expect(performance.now() - toldAt).toBeLessThan(10_000);

    const second = await start(["--port", "0", "--data", data]).ready;
    expect(second.adminToken).toBe(adminToken);
    const again = clientOf({ url: second.url, token: adminToken });
    expect(await again.vm(vm.id)).toMatchObject({ name: "kept", state: "Stopped" });
  });

  it("brings up simulated hosts with their VMs, and finds them as they were after a stop", async () => {
    const data = join(temporaryFolder(), "data");
    const args = ["--port", "0", "--data", data, "--hosts", "2", "--vms-per-host", "2"];
    const first = start(args);
    const access = await first.ready;
    await first.said("2 simulated hosts are up, 2 VMs each");
    const running = async (url: string) => {
      const { body } = await clientOf({ url, token: access.adminToken }).call("GET", "/v1/vms");
      const { items } = body as { items: { name: string; state: string; hostId: string }[] };
      return items.map(({ name, state, hostId }) => `${name} ${state} ${hostId}`).sort();
    };
    const all = ["sim-1", "sim-2"].flatMap((host) =>
      [1, 2].map((at) => `${host}-vm-${at} Running ${host}`),
    );
    const patient = { timeout: 60_000, interval: 200 };
    await expect.poll(() => running(access.url), patient).toEqual(all);
    expect((await first.kill("SIGINT")).code).toBe(0);

    const second = start(args);
    const { url } = await second.ready;
    await second.said("2 simulated hosts are up, 2 VMs each");
    expect(await running(url)).toEqual(all);
    const { body } = await clientOf({ url, token: access.adminToken }).call("GET", "/v1/incidents");
    expect(body).toEqual({ items: [] });
  });

  it("refuses a wrong option, setting or value", async () => {
    const wrong: readonly (readonly [string, string, string])[] = [
      ["--set", "nope=1", 'unknown setting "nope"'],
      ["--set", "leaseSeconds=soon", "leaseSeconds"],
      ["--set", "leaseSeconds", "is not of the form name=value"],
      ["--port", "70000", "--port must be a whole number from 0 to 65535"],
      ["--prot", "1", "--prot"],
    ];
    await Promise.all(
      wrong.map(async ([option, value, said]) => {
        expect(await refusal([option, value])).toContain(said);
      }),
    );
  });

  it("refuses a data folder of another version, a damaged one, and one that cannot be", async () => {
    const of = (name: string, text: string) => {
      const path = temporaryFolder();
      writeFileSync(join(path, name), text);
      return path;
    };
    const wrong: readonly (readonly [string, string])[] = [
      [of("version", "99\n"), "version 99"],
      [of("identity.json", "{"), "identity.json is damaged"],
      [of("queues-and-bus.sqlite", "not a database, though of some length"), "queues-and-bus"],
      [of("dynamodb.sqlite", "not a database"), "dynoxide, the DynamoDB engine, ended"],
      [join(of("file", ""), "file"), "cannot make the data folder"],
    ];
    await Promise.all(
      wrong.map(async ([data, said]) => {
        expect(await refusal(["--port", "0", "--data", data])).toContain(said);
      }),
    );
  });

  it("stops when it is told to while it still starts", async () => {
    const data = join(temporaryFolder(), "data");
    const starting = start(["--port", "0", "--data", data, "--hosts", "200"]);
    await starting.said("tables are there");
    const toldAt = performance.now();
    expect((await starting.kill("SIGTERM")).code).toBe(0);
    expect(performance.now() - toldAt).toBeLessThan(12_000);
  });

  it("refuses a DynamoDB engine that does not answer", async () => {
    const dead = { VMSYNC_DYNAMODB_ENDPOINT: "http://127.0.0.1:1" };
    expect(await refusal(["--port", "0", "--ephemeral"], dead)).toContain("http://127.0.0.1:1");
  });
});
