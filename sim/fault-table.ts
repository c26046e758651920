/**
 * What may go wrong, and how often. The one list of faults: the plan that a run prints, the figures that it ends with, and
 * what shrinking leaves out all go by it.
 *
 * `rate` is the share of its occasions (`of`) that it strikes, in a run of middling weather; a seed's plan makes each kind
 * rarer or more frequent, or leaves it out.
 */

type FaultSpec = {
  readonly says: string;
  /** What may be struck: each such thing, or each minute of each such thing. */
  readonly of:
    | "batch"
    | "message"
    | "call"
    | "report"
    | "result"
    | "event"
    | "host-minute"
    | "guest"
    | "guest-minute"
    | "minute";
  readonly rate: number;
};

export const FAULTS = {
  "message-late": { says: "a batch is handed over late", of: "batch", rate: 0.02 },
  "message-doubled": { says: "a message is in the queue twice", of: "message", rate: 0.02 },
  "message-resent": {
    says: "a message is sent again much later, under its logical id",
    of: "message",
    rate: 0.01,
  },
  "message-dead": { says: "a message lands in the dead-letter queue", of: "message", rate: 0.002 },
  "batch-resized": {
    says: "a receive gives fewer messages than there are",
    of: "batch",
    rate: 0.1,
  },
  "batch-overtaken": {
    says: "a batch is visible again while its worker is at it",
    of: "batch",
    rate: 0.01,
  },
  "deletion-lost": { says: "a batch was worked off and is not deleted", of: "batch", rate: 0.01 },
  "worker-dies-before": {
    says: "a worker dies before a call takes effect",
    of: "call",
    rate: 0.003,
  },
  "worker-dies-after": { says: "a worker dies after a call took effect", of: "call", rate: 0.003 },
  "worker-late": {
    says: "a worker's call takes effect after its batch was given to another",
    of: "call",
    rate: 0.001,
  },
  "call-slow": { says: "a call takes seconds", of: "call", rate: 0.005 },
  "call-throttled": { says: "a call is refused and took no effect", of: "call", rate: 0.003 },
  "call-failed": { says: "a call took effect and says that it failed", of: "call", rate: 0.002 },
  "answer-lost": {
    says: "a call's answer is lost and the call made again",
    of: "call",
    rate: 0.003,
  },
  outage: { says: "all calls of one kind fail for a while", of: "minute", rate: 0.03 },
  "report-lost": { says: "a report or its answer does not arrive", of: "report", rate: 0.03 },
  "report-late": { says: "a report arrives late", of: "report", rate: 0.02 },
  "report-doubled": { says: "a report arrives twice", of: "report", rate: 0.02 },
  "result-lost": { says: "a result or its answer does not arrive", of: "result", rate: 0.03 },
  "result-late": { says: "a result arrives late", of: "result", rate: 0.02 },
  "result-doubled": { says: "a result arrives twice", of: "result", rate: 0.02 },
  "event-late": { says: "the bus hands an event over late", of: "event", rate: 0.02 },
  "event-doubled": { says: "the bus hands an event over twice", of: "event", rate: 0.02 },
  "agent-dies": {
    says: "an agent ends at a call: to its disk, its hypervisor, its queue",
    of: "call",
    rate: 0.002,
  },
  "agent-restarted": {
    says: "an agent ends anywhere and is started again",
    of: "host-minute",
    rate: 0.02,
  },
  "agent-disk-lost": {
    says: "an agent ends and comes back without its disk",
    of: "host-minute",
    rate: 0.003,
  },
  "agent-cut-off": {
    says: "a host is cut off from the control plane for a while",
    of: "host-minute",
    rate: 0.01,
  },
  "host-dead": { says: "a host loses power and comes back", of: "host-minute", rate: 0.005 },
  "hypervisor-hung": {
    says: "a hypervisor does not answer for a while",
    of: "host-minute",
    rate: 0.005,
  },
  "clock-skewed": {
    says: "a worker's clock is seconds off, a host's wall clock hours",
    of: "batch",
    rate: 0.05,
  },
  "guest-crashes": { says: "a guest crashes", of: "guest-minute", rate: 0.003 },
  "guest-off": { says: "a guest powers itself off", of: "guest-minute", rate: 0.003 },
  "guest-paused": { says: "somebody pauses a guest by hand", of: "guest-minute", rate: 0.002 },
  "guest-on": { says: "somebody starts a VM by hand", of: "guest-minute", rate: 0.002 },
  "guest-moved": { says: "somebody moves a guest by hand", of: "guest-minute", rate: 0.002 },
  "guest-forgotten": {
    says: "somebody ends a guest and its definition by hand",
    of: "guest-minute",
    rate: 0.001,
  },
  "guest-ignores": { says: "a guest ignores shutdowns", of: "guest", rate: 0.3 },
  "guest-slow": { says: "a guest takes long to start and to stop", of: "guest", rate: 0.2 },
  "guest-unbootable": { says: "a guest cannot start", of: "guest", rate: 0.1 },
} as const satisfies Readonly<Record<string, FaultSpec>>;

export type FaultKind = keyof typeof FAULTS;

export function faultKinds(): readonly FaultKind[] {
  return Object.keys(FAULTS).filter(isFaultKind);
}

export function isFaultKind(name: string): name is FaultKind {
  return Object.hasOwn(FAULTS, name);
}
