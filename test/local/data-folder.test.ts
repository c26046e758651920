import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type DataFolder, openDataFolder } from "../../local/data-folder.ts";
import { StartError } from "../../local/start-error.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const open = async (path: string): Promise<DataFolder> => {
  const folder = await openDataFolder({ kind: "folder", path });
  onTestFinished(folder.close);
  return folder;
};

describe("the data folder", () => {
  it("is made where there is none, for its owner alone", async () => {
    const path = join(temporaryFolder(), "deep", ".vmsync");
    await open(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "identity.json")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(path, "version"), "utf8")).toBe("1\n");
  });

  it("keeps its keys and the port of its queues", async () => {
    const path = temporaryFolder();
    const first = await open(path);
    first.close();
    const second = await open(path);
    expect(second.rootKeys).toEqual(first.rootKeys);
    expect(second.awsPort).toBe(first.awsPort);
  });

  it("is one process's at a time", async () => {
    const path = temporaryFolder();
    const first = await open(path);
    await expect(openDataFolder({ kind: "folder", path })).rejects.toThrow(
      new StartError(`${path} is in use by another vmsync process`),
    );
    first.close();
    await open(path);
  });

  it("of another version is refused and left as it is", async () => {
    const path = temporaryFolder();
    writeFileSync(join(path, "version"), "7\n");
    await expect(openDataFolder({ kind: "folder", path })).rejects.toThrow(
      `${path} has data of version 7, this vmsync reads version 1; name another folder with --data`,
    );
    expect(existsSync(join(path, "identity.json"))).toBe(false);
  });

  it("that cannot be made is refused", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    await expect(openDataFolder({ kind: "folder", path: join(file, "x") })).rejects.toThrow(
      "cannot make the data folder",
    );
  });

  it("that cannot be written into is refused", async () => {
    const path = temporaryFolder();
    mkdirSync(join(path, "lock"));
    await expect(openDataFolder({ kind: "folder", path })).rejects.toThrow(
      new StartError(`cannot write into the data folder ${path}`),
    );
  });

  it.each(["", "{}"])("with a damaged identity (%j) is refused and left as it is", async (text) => {
    const path = temporaryFolder();
    (await open(path)).close();
    writeFileSync(join(path, "identity.json"), text);
    await expect(openDataFolder({ kind: "folder", path })).rejects.toThrow(
      new StartError(
        `${join(path, "identity.json")} is damaged; put it back, or name another folder with --data`,
      ),
    );
    expect(readFileSync(join(path, "identity.json"), "utf8")).toBe(text);
  });

  it("that a process was killed in while making it is made", async () => {
    const path = temporaryFolder();
    for (const name of ["version.new", "identity.json.new"]) writeFileSync(join(path, name), "{");
    const { awsPort } = await open(path);
    expect(awsPort).toBeGreaterThan(0);
  });

  it("for one run only is gone after it", async () => {
    const folder = await openDataFolder({ kind: "ephemeral" });
    expect(existsSync(folder.path)).toBe(true);
    folder.close();
    expect(existsSync(folder.path)).toBe(false);
  });
});
