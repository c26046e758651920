/**
 * Real libvirt hosts with QEMU guests, several on one machine: each a daemon in its own pid, mount and uts namespace.
 * Needs root and what `install.sh` installs. Nothing outlives `stop`.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connectedIn } from "../../../agent/hypervisor/libvirt-watch.ts";
import { systemTime } from "../../../agent/time.ts";

const run = promisify(execFile);

/** Up in half a second on an idle machine. */
const UP_MS_MAX = 30_000;
const LOOK_MS = 50;

export type LibvirtHost = {
  readonly name: string;
  readonly socketPath: string;
  /** For `virsh -c`, and how the other hosts' libvirtd reaches this one. */
  readonly uri: string;
  readonly migrationUri: string;
  readonly virsh: (...args: readonly string[]) => Promise<string>;
  /** The daemon's process, as this machine sees it. It comes back about a second after it was killed; guests live on. */
  readonly daemonPid: () => Promise<number>;
  /** The QEMU of a running domain. */
  readonly guestPid: (domain: string) => Promise<number>;
  /** How far a guest of `guest.S` has got, read from its memory. */
  readonly guestMemory: (domain: string) => Promise<GuestMemory>;
  /** Power failure: the daemon and every guest die at once. The disk stays for `up`. */
  readonly crash: () => Promise<void>;
  /** The same host again, after `crash`. */
  readonly up: () => Promise<void>;
  /** Ends it, guests included, and removes its folder. */
  readonly stop: () => Promise<void>;
};

export type GuestMemory = {
  /** It hears the power button from now on. */
  readonly listens: boolean;
  /** Presses that it ignored. */
  readonly ignored: number;
};

/** Where a host that has no neighbour would be moved to, if anything was. */
const MIGRATION_PORT = 49_152;
const MIGRATION_PORTS = 100;

/** Two hosts between which guests can be moved. */
export async function startLibvirtHosts(
  first: string,
  second: string,
): Promise<readonly [LibvirtHost, LibvirtHost]> {
  const names = [first, second];
  return await Promise.all([
    startLibvirtHost({ name: first, names }),
    startLibvirtHost({ name: second, names, migrationPort: MIGRATION_PORT + MIGRATION_PORTS }),
  ]);
}

/**
 * Resolves when libvirt answers. `migrationPort`: the first of a hundred, its own for each host. `names`: the hosts that
 * know each other by name; libvirt tells another one where to send a guest's memory by its own name.
 */
export async function startLibvirtHost(wish: {
  readonly name: string;
  readonly names?: readonly string[];
  readonly migrationPort?: number;
}): Promise<LibvirtHost> {
  const folder = await mkdtemp(join(tmpdir(), `vmsync-lab-${wish.name}-`));
  await configure(folder, wish.migrationPort ?? MIGRATION_PORT);
  const hosts = ["localhost", ...(wish.names ?? [wish.name])].map((name) => `127.0.0.1 ${name}\n`);
  await writeFile(join(folder, "hosts"), hosts.join(""));
  const socketPath = join(folder, "run", "libvirt-sock");
  const uri = `qemu+unix:///system?socket=${socketPath}`;
  let namespace: Namespace | undefined = await enter(folder, wish.name, socketPath);

  const processes = async () => (namespace === undefined ? [] : await childrenOf(namespace.init));
  const crash = async () => {
    if (namespace === undefined) return;
    const ended = namespace;
    namespace = undefined;
    process.kill(ended.init, "SIGKILL"); // The kernel ends everything in the namespace with its first process.
    await ended.gone;
  };
  const up = async () => {
    namespace ??= await enter(folder, wish.name, socketPath);
  };

  const virsh = async (...args: readonly string[]) =>
    (await run("virsh", ["-c", uri, ...args])).stdout;

  return {
    name: wish.name,
    socketPath,
    uri,
    migrationUri: uri,
    virsh,
    guestMemory: async (domain) => readGuestMemory(await virsh(...PEEK, domain, PEEK_AT)),
    daemonPid: async () =>
      one(await processes(), (command) => /\blibvirtd\b/.test(command[0] ?? "")),
    guestPid: async (domain) =>
      one(await processes(), (command) =>
        command.some((word) => word.startsWith(`guest=${domain},`)),
      ),
    crash,
    up,
    stop: async () => {
      await crash();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function configure(folder: string, migrationPort: number): Promise<void> {
  await mkdir(join(folder, "etc"), { recursive: true });
  // No root-owned images, no confinement, no cgroups, no virtlogd: a lab has none of them.
  const qemu = [
    `user = "root"`,
    `group = "root"`,
    `dynamic_ownership = 0`,
    `remember_owner = 0`,
    `security_driver = "none"`,
    `namespaces = [ ]`,
    `cgroup_controllers = [ ]`,
    `stdio_handler = "file"`,
    `migration_port_min = ${migrationPort}`,
    `migration_port_max = ${migrationPort + MIGRATION_PORTS - 1}`,
  ];
  const daemon = [
    `host_uuid = "${randomUUID()}"`,
    `unix_sock_group = "root"`,
    `unix_sock_rw_perms = "0700"`,
    `auth_unix_ro = "none"`,
    `auth_unix_rw = "none"`,
  ];
  await writeFile(join(folder, "etc", "qemu.conf"), `${qemu.join("\n")}\n`);
  await writeFile(join(folder, "etc", "libvirtd.conf"), `${daemon.join("\n")}\n`);
}

type Namespace = {
  /** Its first process. */
  readonly init: number;
  readonly gone: Promise<void>;
};

async function enter(folder: string, name: string, socketPath: string): Promise<Namespace> {
  const namespaces = ["--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"];
  const init = join(import.meta.dirname, "host-init.sh");
  const child = spawn(
    "unshare",
    [...namespaces, "--propagation", "private", "bash", init, folder, name],
    { stdio: ["ignore", "ignore", "ignore"] },
  );
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await answering(child, socketPath);
    const [first] = await childPids(child.pid ?? 0);
    if (first === undefined) throw new Error(`the lab host ${name} has no first process`);
    return { init: first, gone };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

async function answering(child: ChildProcess, socketPath: string): Promise<void> {
  const endsAt = Date.now() + UP_MS_MAX;
  while (Date.now() < endsAt) {
    if (child.exitCode !== null) throw new Error(`the lab host ended with ${child.exitCode}`);
    const signal = AbortSignal.timeout(UP_MS_MAX);
    const time = systemTime();
    const connection = await connectedIn({ socketPath, time, signal, onEvent: () => {} }).catch(
      () => undefined,
    );
    connection?.close();
    if (connection !== undefined) return;
    await sleep(LOOK_MS);
  }
  throw new Error(`libvirt did not answer on ${socketPath} in ${UP_MS_MAX} ms`);
}

/** Bytes 504 and 505 of the boot sector, where the machine loads it. */
const PEEK = ["qemu-monitor-command", "--hmp"] as const;
const PEEK_AT = "xp /2xb 0x7df8";

/** QEMU says `0000000000007df8: 0x01 0x00`. */
function readGuestMemory(said: string): GuestMemory {
  const [listens, ignored] = [...said.matchAll(/0x([0-9a-f]{2})\b/g)].map(([, hex]) =>
    Number.parseInt(hex ?? "", 16),
  );
  return { listens: listens === 1, ignored: ignored ?? 0 };
}

type Process = { readonly pid: number; readonly command: readonly string[] };

async function childrenOf(pid: number): Promise<readonly Process[]> {
  return await Promise.all(
    (await childPids(pid)).map(async (child) => {
      const command = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "");
      return { pid: child, command: command.split("\0") };
    }),
  );
}

async function childPids(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8")),
  );
  return lists.join(" ").split(/\s+/).filter(Boolean).map(Number);
}

function one(processes: readonly Process[], is: (command: readonly string[]) => boolean): number {
  const found = processes.find((candidate) => is(candidate.command));
  if (found === undefined) throw new Error("no such process in the lab host");
  return found.pid;
}
