import { chmod, mkdtemp, readdir, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataFolderError, openDataFolder } from "../../agent/data-folder.ts";
import { rawPublicKey } from "../../shared/http/ed25519.ts";
import { HostId } from "../../shared/model/ids.ts";

let path = "";
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "vmsync-agent-")), "data");
});
afterEach(() => rm(join(path, ".."), { recursive: true }));

test("the key is made once, readable by its owner only, and stays the same", async () => {
  const first = await openDataFolder(path);
  await first.close();
  const second = await openDataFolder(path);
  await second.close();
  expect(rawPublicKey(second.privateKey)).toBe(rawPublicKey(first.privateKey));
  expect([first.keyIsNew, second.keyIsNew]).toEqual([true, false]);
  expect((await stat(join(path, "key.pem"))).mode & 0o777).toBe(0o600);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test("who the agent is and what lease it has are there after a restart", async () => {
  const first = await openDataFolder(path);
  expect(first.identity).toBeUndefined();
  const identity = {
    v: 1,
    hostId: HostId.parse("host-1"),
    controlPlane: "http://127.0.0.1:1/",
    joinTokenHash: "abc",
  } as const;
  const lease = { machineBootId: "m", reportSentAtMs: 5, leaseSeconds: 30, selfFence: true };
  await first.writeIdentity(identity);
  await Promise.all([first.writeLease({ ...lease, reportSentAtMs: 1 }), first.writeLease(lease)]);
  await first.close();
  const second = await openDataFolder(path);
  expect(second.identity).toEqual(identity);
  expect(second.lease).toEqual(lease);
  await second.close();
  expect((await readdir(path)).filter((name) => name.endsWith(".new"))).toEqual([]);
});

test("1: a second agent on the same folder is refused, by whatever path, until the first has closed", async () => {
  const first = await openDataFolder(path);
  await expect(openDataFolder(join(path, "..", "data"))).rejects.toThrow(
    /another agent is running on the data folder/,
  );
  await first.close();
  await (await openDataFolder(path)).close();
});

test.each([
  ["key.pem", "no key", /is not a private key/],
  ["identity.json", "{", /identity.json is damaged or of another version/],
  ["identity.json", '{"v":2}', /identity.json is damaged or of another version/],
  ["lease.json", "{}", /lease.json is damaged or of another version/],
])("a %s of %j is one clear line, and the folder is free again", async (name, text, line) => {
  await (await openDataFolder(path)).close();
  await writeFile(join(path, name), text);
  for (let attempt = 0; attempt < 2; attempt += 1)
    await expect(openDataFolder(path)).rejects.toThrow(line);
  expect(await openFilesIn(path)).toEqual([]);
});

/** What this process holds open of a folder. */
async function openFilesIn(folder: string): Promise<readonly string[]> {
  const descriptors = await readdir("/proc/self/fd");
  const names = descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(names)).filter((name) => name.startsWith(folder));
}

test("a folder that cannot be made is one clear line", async () => {
  const file = join(path, "..", "file");
  await writeFile(file, "");
  await chmod(file, 0o600);
  await expect(openDataFolder(join(file, "data"))).rejects.toThrow(DataFolderError);
});
