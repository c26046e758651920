/**
 * The data folder: whose it is, which version it has, what is where in it.
 *
 * One process at a time. The lock is SQLite's on a file of its own: the system lets go of it when the process ends,
 * however it ends, so there is nothing to clean up and no process id to mistake for another's.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import { StartError } from "./start-error.ts";
import { type KeyPair, makeKeyPair } from "./wire/credentials.ts";

/** Raised when what is in the folder cannot be read by the version before. */
const FOLDER_VERSION = "1";
/** How long a process that is just ending may take to let go of the folder. */
const LOCK_WAIT_MS = 2_000;

export interface DataFolder {
  readonly path: string;
  readonly storeFile: string;
  readonly dynamoDbFile: string;
  readonly logFolder: string;
  /** Made anew at each start. */
  readonly assemblyFolder: string;
  readonly adminTokenFile: string;
  /** Made once: sessions and DynamoDB Local's data hang on the key. */
  readonly rootKeys: KeyPair;
  /** The port of queues, bus and STS, the same at each start: queue URLs are kept in records. */
  readonly awsPort: number;
  /** Lets go of the folder; one that was made for this run is removed. */
  readonly close: () => void;
}

const Identity = z.object({
  awsPort: z.int(),
  rootKeys: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
});
type Identity = z.infer<typeof Identity>;

/** Opens or makes the folder. Throws a `StartError` if it is in use or of another version. */
export async function openDataFolder(
  where: { readonly kind: "folder"; readonly path: string } | { readonly kind: "ephemeral" },
): Promise<DataFolder> {
  const path =
    where.kind === "folder" ? where.path : mkdtempSync(join(tmpdir(), "vmsync-ephemeral-"));
  makeFolder(path);
  const unlock = lock(path);
  try {
    checkVersion(path);
    const identity = await readIdentity(join(path, "identity.json"));
    const assemblyFolder = join(path, "cdk.out");
    rmSync(assemblyFolder, { recursive: true, force: true });
    return {
      path,
      storeFile: join(path, "queues-and-bus.sqlite"),
      dynamoDbFile: join(path, "dynamodb.sqlite"),
      logFolder: join(path, "logs"),
      assemblyFolder,
      adminTokenFile: join(path, "admin-token"),
      ...identity,
      close: () => {
        unlock();
        if (where.kind === "ephemeral") rmSync(path, { recursive: true, force: true });
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StartError(`cannot make the data folder ${path}`, { cause });
  }
}

function lock(path: string): () => void {
  const db = openLock(path);
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    throw new StartError(`${path} is in use by another vmsync process`, { cause });
  }
  return () => {
    if (db.isOpen) db.close();
  };
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(join(path, "lock"), { timeout: LOCK_WAIT_MS });
  } catch (cause) {
    throw new StartError(`cannot write into the data folder ${path}`, { cause });
  }
}

function checkVersion(path: string): void {
  const file = join(path, "version");
  if (!existsSync(file)) {
    writeWhole(file, `${FOLDER_VERSION}\n`);
    return;
  }
  const found = readFileSync(file, "utf8").trim();
  if (found !== FOLDER_VERSION)
    throw new StartError(
      `${path} has data of version ${found}, this vmsync reads version ${FOLDER_VERSION}; name another folder with --data`,
    );
}

async function readIdentity(file: string): Promise<Identity> {
  if (existsSync(file)) return parseIdentity(file);
  const identity = { awsPort: await probePort(0), rootKeys: makeKeyPair() };
  writeWhole(file, JSON.stringify(identity));
  return identity;
}

function parseIdentity(file: string): Identity {
  try {
    return z.parse(Identity, JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    // Not made anew: the records in the folder name the port, and sessions hang on the keys.
    throw new StartError(`${file} is damaged; put it back, or name another folder with --data`, {
      cause,
    });
  }
}

/** All of it or nothing: an end of the process in between leaves no half file to stumble over at the next start. */
function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The port, or for 0 one that nobody listens on now. Rejects with the error of `listen` where it is taken. */
export async function probePort(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
