/** The program as an operator meets it: a process with arguments, lines and an exit code. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder } from "../../agent/data-folder.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vmsync-agent-"));
});
afterEach(() => rm(folder, { recursive: true }));

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function agent(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

const needed = (url = "http://127.0.0.1:1") => [
  "--control-plane",
  url,
  "--host",
  "h1",
  "--data",
  join(folder, "data"),
];

test("--help tells how to use it", async () => {
  const { code, stdout } = await agent("--help");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: node agent\/main.ts/);
});

test.each<readonly [string, readonly string[], RegExp]>([
  ["a wrong argument", ["--nonsense"], /^vmsync agent: Unknown option '--nonsense'.*\n$/],
  [
    "libvirt that is not there",
    ["--libvirt-socket", "/nowhere/libvirt-sock"],
    /^vmsync agent: libvirt cannot be reached: connect ENOENT \/nowhere\/libvirt-sock\n$/,
  ],
  [
    "what goes wrong under --json",
    ["--simulated", "0", "--json"],
    /^\{"at":"[^"]+","level":"error","message":"this host has not joined yet: give --join-token"\}\n$/,
  ],
  [
    "a host that never joined",
    ["--simulated", "0"],
    /^vmsync agent: this host has not joined yet: give --join-token\n$/,
  ],
])("%s is one line and exit 1", async (_, args, line) => {
  const { code, stderr } = await agent(...needed(), ...args);
  expect(stderr).toMatch(line);
  expect(code).toBe(1);
});

test("a data folder that another agent holds is one line and exit 1", async () => {
  const held = await openDataFolder(join(folder, "data"));
  const { code, stderr } = await agent(...needed(), "--simulated", "0");
  await held.close();
  expect(stderr).toMatch(/^vmsync agent: another agent is running on the data folder .*\n$/);
  expect(code).toBe(1);
});

test("a join that is refused is one line and exit 1", async () => {
  const server = createServer((_, response) => {
    response.writeHead(401, { "content-type": "application/problem+json" });
    const problem = { type: "x", title: "x", status: 401, detail: "no", code: "unauthenticated" };
    response.end(JSON.stringify(problem));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const joining = ["--simulated", "0", "--join-token", "t".repeat(20)];
  const { code, stderr } = await agent(...needed(`http://127.0.0.1:${port}`), ...joining);
  server.closeAllConnections();
  server.close();
  expect(stderr).toMatch(/^vmsync agent: the join was refused: unauthenticated: no\n$/);
  expect(code).toBe(1);
});

test("SIGTERM stops it cleanly while it still waits for the control plane", async () => {
  const joining = ["--simulated", "0", "--join-token", "t".repeat(20)];
  const child = spawn(process.execPath, [MAIN, ...needed(), ...joining]);
  const ended = once(child, "exit");
  for await (const line of child.stderr) if (/not joined yet/.test(String(line))) break;
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});
