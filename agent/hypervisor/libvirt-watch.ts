/**
 * The connection by which the agent looks: lists, single states, events. Kept for as long as the agent runs.
 *
 *  1. Looks are bounded: an answer that is `LOOK_MS_MAX` late means that the daemon hangs. The connection is given up and a
 *     new one tried until one answers. Nothing but looks is on it, so nothing is lost with it.
 *  2. A hung daemon says nothing by itself, so it is asked every `ASK_MS`.
 *  3. `lost` and `regained` come in turn. What happened in between is in the listing after `regained`, not in events.
 */
import type { Noter } from "../note.ts";
import { errorText } from "../note.ts";
import { type AgentTime, pause, within } from "../time.ts";
import type { HypervisorEvent } from "./hypervisor.ts";
import { nodeInfo, open, readEvent, registerEvents } from "./libvirt-calls.ts";
import { ConnectionLost, connectRpc, type RpcConnection } from "./rpc-client.ts";

/** A hundred times what a listing of 150 guests took (`reference/hypervisor.md` §2). */
export const LOOK_MS_MAX = 5000;
const ASK_MS = 5000;
/** A daemon restarts in about a second; asking more often than this finds it no sooner. */
const RECONNECT_MS = 250;

export interface LibvirtWatch {
  /** Rejects with `ConnectionLost`, or with `LibvirtError`. */
  readonly look: <T>(ask: (rpc: RpcConnection) => Promise<T>) => Promise<T>;
  readonly subscribe: (listener: (event: HypervisorEvent) => void) => () => void;
  readonly close: () => Promise<void>;
}

export type LibvirtWatchOptions = {
  readonly socketPath: string;
  readonly time: AgentTime;
  readonly note: Noter;
};

/** Resolves when the first connection stands; rejects with `ConnectionLost` when there is none to be had. */
export async function watchLibvirt(options: LibvirtWatchOptions): Promise<LibvirtWatch> {
  const { time, note } = options;
  const stop = new AbortController();
  const listeners = new Set<(event: HypervisorEvent) => void>();
  const emit = (event: HypervisorEvent) => {
    for (const listener of [...listeners]) listener(event);
  };
  let current: RpcConnection | undefined = await connectToLook(options, stop.signal, emit);

  const look = async <T>(ask: (rpc: RpcConnection) => Promise<T>): Promise<T> => {
    const rpc = current;
    if (rpc === undefined) throw new ConnectionLost("libvirt is not connected");
    const answered = await within(time, { limitMs: LOOK_MS_MAX, work: ask(rpc) });
    if (answered !== "late") return answered.value;
    rpc.close(); // 1
    throw new ConnectionLost(`libvirt did not answer in ${LOOK_MS_MAX} ms`);
  };

  const reconnect = async (): Promise<RpcConnection | undefined> => {
    while (!stop.signal.aborted) {
      await pause(time, { delayMs: RECONNECT_MS, signal: stop.signal });
      const rpc = await connectToLook(options, stop.signal, emit).catch(() => undefined);
      if (rpc !== undefined) return rpc;
    }
    return undefined;
  };

  const keep = async () => {
    while (!stop.signal.aborted && current !== undefined) {
      await untilEnded(current, look, { time, signal: stop.signal }); // 2
      if (stop.signal.aborted) return;
      const reason = await current.ended;
      current = undefined;
      note({ level: "warn", message: "libvirt lost", reason });
      emit({ kind: "lost", reason }); // 3
      current = await reconnect();
      if (current === undefined) return;
      note({ level: "info", message: "libvirt regained" });
      emit({ kind: "regained" });
    }
  };
  const kept = keep();

  return {
    look,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    close: async () => {
      stop.abort();
      await kept;
    },
  };
}

/** Asks the daemon from time to time until the connection has ended. */
async function untilEnded(
  rpc: RpcConnection,
  look: LibvirtWatch["look"],
  wait: { readonly time: AgentTime; readonly signal: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  const ended = rpc.ended.then(() => over.abort());
  const signal = AbortSignal.any([over.signal, wait.signal]);
  while (!signal.aborted) {
    await pause(wait.time, { delayMs: ASK_MS, signal });
    if (!signal.aborted) await look(nodeInfo).catch(() => {}); // A late answer ends the connection.
  }
  if (!wait.signal.aborted) await ended;
}

async function connectToLook(
  { socketPath, time }: LibvirtWatchOptions,
  signal: AbortSignal,
  emit: (event: HypervisorEvent) => void,
): Promise<RpcConnection> {
  const onEvent = (procedure: number, body: Parameters<typeof readEvent>[1]) => {
    const event = readEvent(procedure, body);
    if (event === undefined) return;
    emit({ kind: "vm", vmId: event.vmId, ...(event.rebooted ? { rebooted: true } : {}) });
  };
  const rpc = await connectedIn({ socketPath, time, signal, onEvent });
  try {
    const registered = await within(time, { limitMs: LOOK_MS_MAX, work: registerEvents(rpc) });
    if (registered === "late") throw new ConnectionLost("libvirt does not answer");
    return rpc;
  } catch (error) {
    rpc.close();
    throw error;
  }
}

/** An opened connection, or `ConnectionLost` within `LOOK_MS_MAX`: a hung daemon's socket still takes connections. */
export async function connectedIn(options: {
  readonly socketPath: string;
  readonly time: AgentTime;
  readonly signal: AbortSignal;
  readonly onEvent: (procedure: number, body: Parameters<typeof readEvent>[1]) => void;
}): Promise<RpcConnection> {
  const giveUp = new AbortController();
  const signal = AbortSignal.any([options.signal, giveUp.signal]);
  const opening = (async () => {
    const rpc = await connectRpc({ ...options, signal });
    await open(rpc);
    return rpc;
  })();
  opening.catch(() => {});
  const opened = await within(options.time, { limitMs: LOOK_MS_MAX, work: opening });
  if (opened !== "late") return opened.value;
  giveUp.abort();
  throw new ConnectionLost(`${options.socketPath} does not answer`);
}

/** One line on why there is no connection. */
export function connectionProblem(socketPath: string, error: unknown): Error {
  const text = errorText(error);
  const told = text.includes(socketPath) ? text : `${socketPath}: ${text}`;
  return new Error(`libvirt cannot be reached: ${told}`, { cause: error });
}
