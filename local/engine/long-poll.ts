/** Waiting for messages: receive, and receive again whenever something may have become receivable, until the time is up. */
import type { QueueRequest, QueueResponse } from "../../shared/memory/queue-protocol.ts";
import type { EngineClock } from "./clock.ts";

export interface LongPoll {
  readonly clock: EngineClock;
  readonly watch: (queueName: string, listener: () => void) => () => void;
  readonly nextDueAt: (queueName: string) => number | undefined;
}

type Poll = {
  readonly request: (request: QueueRequest) => Promise<QueueResponse>;
  readonly asked: Extract<QueueRequest, { readonly action: "receiveMessage" }>;
  readonly waitSeconds: number;
  readonly signal: AbortSignal | undefined;
};

/** What is due and still cannot be received (too much in flight) is looked at again after so long: nothing announces it. */
const HELD_BACK_RETRY_MS = 1_000;

/** The first answer that is not an empty one, or the empty one when the time is up or the caller is gone. */
export async function longPoll(deps: LongPoll, poll: Poll): Promise<QueueResponse> {
  const { request, asked, waitSeconds, signal } = poll;
  const until = deps.clock.now() + waitSeconds * 1_000;
  for (;;) {
    if (signal?.aborted) return { kind: "received", messages: [] };
    const change = changeOf(deps, asked.queueName); // watched before asking: nothing falls in between
    const response = await request(asked);
    const empty = response.kind === "received" && response.messages.length === 0;
    if (!empty || deps.clock.now() >= until) {
      change.stop();
      return response;
    }
    await wake(deps, { change, queueName: asked.queueName, until, signal });
  }
}

type Change = { readonly happened: Promise<void>; readonly stop: () => void };

function changeOf(deps: LongPoll, queueName: string): Change {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { happened: promise, stop: deps.watch(queueName, resolve) };
}

type Wait = {
  readonly change: Change;
  readonly queueName: string;
  readonly until: number;
  readonly signal: AbortSignal | undefined;
};

async function wake(deps: LongPoll, { change, queueName, until, signal }: Wait): Promise<void> {
  const now = deps.clock.now();
  const due = deps.nextDueAt(queueName) ?? until;
  const { promise, resolve } = Promise.withResolvers<void>();
  const callOff = deps.clock.callAt(
    Math.min(until, due > now ? due : now + HELD_BACK_RETRY_MS),
    resolve,
  );
  const aborted = () => resolve();
  signal?.addEventListener("abort", aborted);
  await Promise.race([change.happened, promise]);
  signal?.removeEventListener("abort", aborted);
  callOff();
  change.stop();
}
