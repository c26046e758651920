/**
 * The agent's folder: its key (mode 600), who it is, its command log and its lease.
 *
 *  1. One agent at a time. The lock is a name in Linux's abstract socket space, made from the folder's real path: the
 *     kernel gives it to one process and takes it back when that dies, so there is no stale lock to judge. It holds
 *     within one network namespace; two containers must not share a folder.
 *  2. The key is on the disk before it is used to join: a token must not be used up for a key that a crash loses.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, open, readFile, realpath, rename } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { AgentIdentity, LeaseRecord } from "../shared/model/agent-state.ts";
import { isMissing, type LogFile, openLogFile, syncFolder } from "./log-file.ts";
import { parsedJson } from "./parse-json.ts";

/** The folder cannot be used; the message is one line for the operator. */
export class DataFolderError extends Error {}

export interface DataFolder {
  readonly privateKey: KeyObject;
  /** `false`: an earlier process had it, and may have joined with it. */
  readonly keyIsNew: boolean;
  readonly identity: AgentIdentity | undefined;
  readonly writeIdentity: (identity: AgentIdentity) => Promise<void>;
  readonly lease: LeaseRecord | undefined;
  readonly writeLease: (lease: LeaseRecord) => Promise<void>;
  readonly log: { readonly text: string; readonly file: LogFile };
  /** Closes the log and frees the lock; once or more often. */
  readonly close: () => Promise<void>;
}

export async function openDataFolder(path: string): Promise<DataFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new DataFolderError(`cannot make the data folder ${path}`, { cause: error });
  });
  const lock = await lockFolder(path); // 1
  try {
    const identityPath = join(path, "identity.json");
    const leasePath = join(path, "lease.json");
    const known = {
      ...(await readOrMakeKey(join(path, "key.pem"))),
      identity: await readParsed(identityPath, AgentIdentity),
      lease: await readParsed(leasePath, LeaseRecord),
    };
    const log = await openLogFile(join(path, "commands.log")); // The last that can fail: it stays open.
    let leaseWritten: Promise<void> = Promise.resolve();
    let closed: Promise<void> | undefined;
    const close = async () => {
      await leaseWritten.catch(() => {});
      await log.file.close();
      await unlock(lock);
    };
    return {
      ...known,
      writeIdentity: (identity) => writeWhole(identityPath, JSON.stringify(identity)),
      writeLease: (lease) => {
        leaseWritten = leaseWritten
          .catch(() => {})
          .then(() => writeWhole(leasePath, JSON.stringify(lease)));
        return leaseWritten;
      },
      log,
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await unlock(lock);
    throw error;
  }
}

async function lockFolder(path: string): Promise<Server> {
  const name = createHash("sha256")
    .update(await realpath(path))
    .digest("hex");
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const message =
        error.code === "EADDRINUSE"
          ? `another agent is running on the data folder ${path}`
          : `cannot lock the data folder ${path}: ${error.message}`;
      reject(new DataFolderError(message, { cause: error }));
    });
    server.listen(`\0vmsync-agent-${name}`, resolve);
  });
  server.unref();
  return server;
}

function unlock(lock: Server): Promise<void> {
  return new Promise((resolve) => lock.close(() => resolve()));
}

async function readOrMakeKey(path: string): Promise<Pick<DataFolder, "privateKey" | "keyIsNew">> {
  const pem = await readText(path);
  if (pem !== undefined) {
    try {
      return { privateKey: createPrivateKey(pem), keyIsNew: false };
    } catch (error) {
      throw new DataFolderError(`${path} is not a private key`, { cause: error });
    }
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeWhole(path, String(privateKey.export({ type: "pkcs8", format: "pem" }))); // 2
  return { privateKey, keyIsNew: true };
}

type Schema<T> = {
  readonly safeParse: (
    value: unknown,
  ) => { readonly success: true; readonly data: T } | { readonly success: false };
};

async function readParsed<T>(path: string, schema: Schema<T>): Promise<T | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  throw new DataFolderError(`${path} is damaged or of another version`);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new DataFolderError(`cannot read ${path}`, { cause: error });
  }
}

/** All of it or what was there before; mode 600. */
async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncFolder(path);
}
