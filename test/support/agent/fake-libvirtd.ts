/** A daemon on a UNIX socket that answers calls as a test says, in libvirt's framing. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type FakeCall = {
  readonly procedure: number;
  readonly serial: number;
  readonly body: Buffer;
};

/** Bytes of an answer's body, an error, or nothing: the call stays open. */
export type FakeAnswer =
  | { readonly body: Buffer }
  | { readonly code: number; readonly message: string }
  | "silence";

export type FakeLibvirtd = {
  readonly socketPath: string;
  readonly calls: FakeCall[];
  answer: (call: FakeCall) => FakeAnswer;
  /** To every client, as it is. */
  readonly send: (bytes: Buffer) => void;
  /** Ends every connection; new ones are taken. */
  readonly drop: () => void;
  readonly stop: () => Promise<void>;
};

/** What any daemon answers to what comes first: no authentication, opened, registered. */
export const OPENING: Readonly<Record<number, FakeAnswer>> = {
  66: { body: Buffer.from("0000000100000000", "hex") },
  1: { body: Buffer.alloc(0) },
  316: { body: Buffer.alloc(4) },
};

export async function fakeLibvirtd(): Promise<FakeLibvirtd> {
  const folder = await mkdtemp(join(tmpdir(), "vmsync-libvirtd-"));
  const socketPath = join(folder, "sock");
  const clients = new Set<Socket>();
  const daemon: FakeLibvirtd = {
    socketPath,
    calls: [],
    answer: (call) => OPENING[call.procedure] ?? "silence",
    send: (bytes) => {
      for (const client of clients) client.write(bytes);
    },
    drop: () => {
      for (const client of clients) client.destroy();
    },
    stop: async () => {
      daemon.drop();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
  const server = createServer((client) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    client.on("error", () => {});
    let rest = Buffer.alloc(0);
    client.on("data", (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.byteLength >= 4 && rest.byteLength >= rest.readUInt32BE()) {
        const message = rest.subarray(0, rest.readUInt32BE());
        rest = rest.subarray(message.byteLength);
        const call = {
          procedure: message.readInt32BE(12),
          serial: message.readInt32BE(20),
          body: Buffer.from(message.subarray(28)),
        };
        daemon.calls.push(call);
        const answer = daemon.answer(call);
        if (answer !== "silence") client.write(reply(call, answer));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return daemon;
}

/** A whole reply, with its length and header. */
export function reply(call: FakeCall, answer: Exclude<FakeAnswer, "silence">): Buffer {
  const body = "body" in answer ? answer.body : errorBody(answer);
  const header = Buffer.alloc(28);
  const words = [
    28 + body.byteLength,
    0x20008086,
    1,
    call.procedure,
    1,
    call.serial,
    "body" in answer ? 0 : 1,
  ];
  for (const [at, word] of words.entries()) header.writeInt32BE(word, at * 4);
  return Buffer.concat([header, body]);
}

function errorBody({ code, message }: { readonly code: number; readonly message: string }): Buffer {
  const text = Buffer.from(message);
  const padded = Buffer.alloc(Math.ceil(text.byteLength / 4) * 4);
  text.copy(padded);
  const head = Buffer.alloc(16);
  for (const [at, word] of [code, 10, 1, text.byteLength].entries())
    head.writeInt32BE(word, at * 4);
  return Buffer.concat([head, padded]);
}
