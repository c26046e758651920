/**
 * Brings commands from the queue to the runner.
 *
 *  1. A message is deleted right after its command is in the log, and not before. Neither the work nor the next poll waits
 *     for the deletion: one that hangs or fails only brings back what the log knows.
 *  2. A host that fences itself takes no command before its first report was accepted: it has no lease yet (`lease.ts`, 4).
 *  3. What is no command is deleted with a line: it would only come again, before all others of its group.
 */
import { Command } from "../shared/model/command.ts";
import { backoff } from "./backoff.ts";
import type { CommandSource, OpenCommandSource, QueueMessage } from "./command-source.ts";
import type { Lease } from "./lease.ts";
import { errorText, type Noter } from "./note.ts";
import { parsedJson } from "./parse-json.ts";
import type { Runner } from "./runner.ts";
import type { Session, Sessions } from "./sessions.ts";
import { type AgentTime, pause } from "./time.ts";

export type CommandPollDeps = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly sessions: Sessions;
  readonly open: OpenCommandSource;
  readonly runner: Runner;
  readonly lease: Lease;
  readonly note: Noter;
  readonly signal: AbortSignal;
};

/** Runs until the signal. */
export async function commandPoll(deps: CommandPollDeps): Promise<void> {
  const { sessions, signal } = deps;
  const retry = backoff(deps.random);
  let opened: Opened | undefined;
  try {
    while (!signal.aborted) {
      const session = await sessions.opened();
      if (session.granted.selfFence) await deps.lease.begun(signal); // 2
      if (opened?.session !== session) {
        opened?.source.close();
        const until = AbortSignal.any([signal, session.ended]);
        opened = { session, until, source: deps.open(session.granted) };
      }
      const received = await opened.source.receive(opened.until);
      if (received.status === "received") {
        retry.reset();
        await takeAll(deps, opened.source, received.messages);
        continue;
      }
      if (signal.aborted || session.ended.aborted) continue;
      deps.note({ level: "warn", message: "command queue not read", ...received });
      if (received.status === "no_access") sessions.renew();
      await pause(deps.time, { delayMs: retry.next(), signal });
    }
  } finally {
    opened?.source.close();
  }
}

type Opened = {
  readonly session: Session;
  readonly source: CommandSource;
  /** The end of the session or of the agent. */
  readonly until: AbortSignal;
};

async function takeAll(
  { runner, note }: CommandPollDeps,
  source: CommandSource,
  messages: readonly QueueMessage[],
): Promise<void> {
  if (messages.length === 0) return;
  await runner.take(messages.map((message) => parse(message, note)).filter(isCommand));
  source.remove(messages.map((message) => message.receipt)).catch((error: unknown) => {
    note({ level: "warn", message: "command messages not deleted", detail: errorText(error) }); // 1
  });
}

function parse(message: QueueMessage, note: Noter): Command | undefined {
  const parsed = Command.safeParse(parsedJson(message.body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const detail = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
  note({ level: "error", message: "a message that is no command was dropped", detail }); // 3
  return undefined;
}

function isCommand(command: Command | undefined): command is Command {
  return command !== undefined;
}
