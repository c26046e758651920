/**
 * One connection to libvirt's daemon over its UNIX socket: calls by procedure number, answers by serial, events.
 *
 *  1. A call ends by its answer or by the end of the connection, never by a time-out of its own: a UNIX socket has no
 *     half-open state, and what was sent may run until the daemon says otherwise.
 *  2. Bytes that are not the protocol end the connection.
 *
 * A message is: length of all of it, program, version, procedure, type, serial, status (each four bytes), then its body.
 */
import { connect, type Socket } from "node:net";
import { type XdrReader, xdrReader, xdrWriter } from "./xdr.ts";

const PROGRAM = 0x20008086;
const VERSION = 1;
const HEADER_BYTES = 28;
/** libvirt's own limit of a message. */
const MESSAGE_BYTES_MAX = 32 * 1024 * 1024 + 4;
const TYPE = { call: 0, reply: 1, event: 2 } as const;
const STATUS_ERROR = 1;

/** libvirt refused a call. */
export class LibvirtError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The connection ended, or could not be had; a call that was under way may have run. */
export class ConnectionLost extends Error {}

export interface RpcConnection {
  readonly call: <T>(
    procedure: number,
    args: Uint8Array,
    read: (body: XdrReader) => T,
  ) => Promise<T>;
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<string>;
  readonly close: () => void;
}

type Waiting = {
  readonly resolve: (body: XdrReader) => void;
  readonly reject: (error: Error) => void;
};

/** Connects; `signal` gives up the connecting and later ends the connection. */
export async function connectRpc(options: {
  readonly socketPath: string;
  readonly signal: AbortSignal;
  readonly onEvent: (procedure: number, body: XdrReader) => void;
}): Promise<RpcConnection> {
  const socket = await connected(options.socketPath, options.signal);
  const waiting = new Map<number, Waiting>();
  const ended = Promise.withResolvers<string>();
  let reason = "the daemon closed the connection";
  let serial = 0;

  const end = (why: string) => {
    reason = why;
    socket.destroy();
  };
  const giveUp = () => end("given up");
  options.signal.addEventListener("abort", giveUp, { once: true });
  socket.on("error", (error) => end(error.message));
  socket.on("close", () => {
    options.signal.removeEventListener("abort", giveUp); // The signal outlives the connection, and would keep it.
    for (const { reject } of waiting.values()) reject(new ConnectionLost(reason));
    waiting.clear();
    ended.resolve(reason);
  });
  const receive = (message: Buffer) => {
    const body = xdrReader(message);
    const header = readHeader(body);
    if (header.program !== PROGRAM) return;
    if (header.type === TYPE.event) return options.onEvent(header.procedure, body);
    const call = waiting.get(header.serial);
    waiting.delete(header.serial);
    if (header.status === STATUS_ERROR) call?.reject(readError(body));
    else call?.resolve(body);
  };
  socket.on("data", messages(receive, end));
  if (options.signal.aborted) giveUp();

  return {
    call: async (procedure, args, read) => {
      if (socket.destroyed) throw new ConnectionLost(reason);
      serial += 1;
      const answer = Promise.withResolvers<XdrReader>();
      waiting.set(serial, answer);
      socket.write(frame(procedure, serial, args));
      return read(await answer.promise);
    },
    ended: ended.promise,
    close: () => end("closed"),
  };
}

/** Not by `connect`'s own signal: Node leaves its listener there for as long as the signal lives. */
function connected(socketPath: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath });
    const giveUp = () => socket.destroy(new Error("given up"));
    const failed = (error: Error) => {
      signal.removeEventListener("abort", giveUp);
      reject(new ConnectionLost(error.message, { cause: error }));
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.removeListener("error", failed);
      signal.removeEventListener("abort", giveUp);
      resolve(socket);
    });
    if (signal.aborted) giveUp();
    else signal.addEventListener("abort", giveUp);
  });
}

function frame(procedure: number, serial: number, args: Uint8Array): Buffer {
  const header = xdrWriter()
    .int(HEADER_BYTES + args.byteLength)
    .int(PROGRAM)
    .int(VERSION)
    .int(procedure)
    .int(TYPE.call)
    .int(serial)
    .int(0);
  return Buffer.concat([header.bytes(), args]);
}

function readHeader(body: XdrReader) {
  const program = body.int();
  body.int(); // version
  return {
    program,
    procedure: body.int(),
    type: body.int(),
    serial: body.int(),
    status: body.int(),
  };
}

/** The first three fields of libvirt's error; the others repeat them in parts. */
function readError(body: XdrReader): LibvirtError {
  const code = body.int();
  body.int(); // the part of libvirt that it came from
  return new LibvirtError(code, body.optionalString() ?? "no message");
}

/** Cuts the stream into messages, without their length. */
function messages(
  receive: (message: Buffer) => void,
  end: (why: string) => void,
): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    try {
      while (rest.byteLength >= 4) {
        const length = rest.readUInt32BE();
        if (length < HEADER_BYTES || length > MESSAGE_BYTES_MAX)
          return end(`a message of ${length} bytes`); // 2
        if (rest.byteLength < length) return;
        receive(rest.subarray(4, length));
        rest = rest.subarray(length);
      }
    } catch (error) {
      end(error instanceof Error ? error.message : String(error)); // 2
    }
  };
}
