/** The calls to AWS that a job makes: those of the functions, as the stack counts them, and those of the agents here. */
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import type { CallCounter } from "../../local/call-counter.ts";

/** By `service:Action`; appends to the log of events by a name of their own. */
export type CallMix = Readonly<Record<string, number>>;

/** A transaction of some forty items, where others have two. */
export const APPEND = "dynamodb:TransactWriteItems of events";
const LOG = /(?<!api)-events$/;

/** Functions that only look on while jobs run: the benchmark's own reading, the schedule. */
export const ONLOOKERS = /api-jobs|sweeper/;
/** Where clients wait for their jobs by the API, that is part of the load. */
export const SCHEDULE = /sweeper/;

const AGENT_SERVICES: Readonly<Record<string, string>> = { AmazonSQS: "sqs" };

const agentCalls = new Map<string, number>();

/** To be called once, before agents start: counts every request of the SDK on this thread, where the agents run. */
export function watchAgentCalls(): void {
  subscribe("http.client.request.start", (message) => {
    if (!hasRequest(message)) return;
    const [service = "", action] = String(message.request.getHeader("x-amz-target")).split(".");
    const known = AGENT_SERVICES[service];
    if (known === undefined) return;
    const name = `${known}:${action}`;
    agentCalls.set(name, (agentCalls.get(name) ?? 0) + 1);
  });
}

export type Counted = {
  readonly functions: CallMix;
  readonly agents: CallMix;
  /** Of functions, onlookers left out. */
  readonly invocations: number;
};

export function resetCalls(counter: CallCounter): void {
  counter.reset();
  agentCalls.clear();
}

/** Since the last reset. */
export function readCalls(counter: CallCounter, without: RegExp = ONLOOKERS): Counted {
  const { awsByFunction, invocations } = counter.read();
  const doing = Object.entries(awsByFunction).filter(([name]) => !without.test(name));
  return {
    functions: added(doing.map(([name, calls]) => (LOG.test(name) ? appendsNamed(calls) : calls))),
    agents: Object.fromEntries(agentCalls),
    invocations: Object.entries(invocations)
      .filter(([name]) => !without.test(name))
      .reduce((total, [, count]) => total + count, 0),
  };
}

function appendsNamed({ "dynamodb:TransactWriteItems": appends = 0, ...rest }: CallMix): CallMix {
  return { ...rest, [APPEND]: appends };
}

export function added(mixes: readonly CallMix[]): CallMix {
  const total = new Map<string, number>();
  for (const mix of mixes)
    for (const [name, count] of Object.entries(mix))
      total.set(name, (total.get(name) ?? 0) + count);
  return Object.fromEntries(total);
}

export function perJob(mix: CallMix, jobs: number): CallMix {
  return Object.fromEntries(Object.entries(mix).map(([name, count]) => [name, count / jobs]));
}

function hasRequest(message: unknown): message is { readonly request: ClientRequest } {
  return typeof message === "object" && message !== null && "request" in message;
}
