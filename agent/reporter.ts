/**
 * Tells the control plane what the hypervisor says, whole, each time.
 *
 *  1. One report in flight; what happens meanwhile makes the next one. A report is never sent again: each is a new look.
 *  2. The first report of a boot is `startup`, until one was accepted.
 *  3. Events within a short time make one report; the time grows with how long a report takes, so that a storm of events
 *     on a large host costs at most about half of it.
 *  4. The lease counts from before the sending (`lease.ts`, 1), and only an accepted report renews it.
 */
import type { Report, ReportAnswer } from "../shared/model/agent-protocol.ts";
import { backoff } from "./backoff.ts";
import type { CommandLog } from "./command-log.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type { Lease } from "./lease.ts";
import type { Noter } from "./note.ts";
import type { Observer } from "./observer.ts";
import { toReport, type Wording } from "./report.ts";
import type { Session, Sessions } from "./sessions.ts";
import { type AgentTime, pause } from "./time.ts";

/** Long enough to gather a guest's few events of one change, too short to be noticed. */
const GATHER_MS = 50;
/** However long a report takes, an event waits no longer than this for the next. */
const GATHER_MS_MAX = 1000;
/** Whatever the server asks for: not busier than this, and a host is heard at least once an hour. */
const INTERVAL_SECONDS_MIN = 0.1;
const INTERVAL_SECONDS_MAX = 3600;

export type ReporterDeps = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly hypervisor: Hypervisor;
  readonly observer: Observer;
  readonly log: CommandLog;
  readonly sessions: Sessions;
  readonly lease: Lease;
  readonly note: Noter;
  readonly signal: AbortSignal;
};

/** Runs until the signal. */
export async function reporter(deps: ReporterDeps): Promise<void> {
  const { time, hypervisor, signal } = deps;
  const state: State = {
    changed: false,
    gatherMs: GATHER_MS,
    startedBoot: "",
    capacityBoot: "",
    wording: "full",
  };
  const retry = backoff(deps.random);
  let changed = new AbortController();
  const unsubscribe = hypervisor.subscribe(() => {
    state.changed = true;
    changed.abort("something changed"); // A reason of its own: Node makes an error for none, each time.
  });
  try {
    while (!signal.aborted) {
      const session = await deps.sessions.opened();
      const kind = kindOf(state, session);
      state.changed = false;
      changed = new AbortController();
      const sent = await reportOnce(deps, { session, kind, state });
      if (sent.accepted) retry.reset();
      else state.changed ||= kind === "event";
      const waitMs = sent.accepted ? sent.nextMs : retry.next(sent.retryAfterMs);
      // A failed report waits its time out whatever happens at the host; otherwise an event ends the wait.
      const until = AbortSignal.any([
        signal,
        session.ended,
        ...(sent.accepted ? [changed.signal] : []),
      ]);
      await pause(time, { delayMs: waitMs, signal: until });
      if (state.changed && sent.accepted) await pause(time, { delayMs: state.gatherMs, signal }); // 3
    }
  } finally {
    unsubscribe();
  }
}

type State = {
  changed: boolean;
  gatherMs: number;
  /** The boot whose startup report was accepted. */
  startedBoot: string;
  /** The boot in which a report told the capacity; it may not be known at the first. */
  capacityBoot: string;
  wording: Wording;
};

type Sent =
  | { readonly accepted: true; readonly nextMs: number }
  | { readonly accepted: false; readonly retryAfterMs: number };

function kindOf(state: State, session: Session): Report["kind"] {
  if (state.startedBoot !== session.bootId) return "startup"; // 2
  return state.changed ? "event" : "periodic";
}

async function reportOnce(
  deps: ReporterDeps,
  about: { readonly session: Session; readonly kind: Report["kind"]; readonly state: State },
): Promise<Sent> {
  const { time, hypervisor, sessions } = deps;
  const { session, kind, state } = about;
  const beganAtMs = time.monotonicNow();
  const capacity = state.capacityBoot === session.bootId ? undefined : await hypervisor.capacity();
  let epochs = deps.log.epochs();
  const { seq, seen } = await deps.observer.observe(async () => {
    epochs = deps.log.epochs();
    return { listing: await hypervisor.list(), observedAtMs: time.wallNow() };
  });
  const { bootId, granted } = session;
  const { selfFence } = granted;
  const { wording } = state;
  const report = toReport({
    ...{ bootId, seq, kind, epochs, capacity, wording, selfFence },
    ...seen,
  });
  const reportSentAtMs = time.monotonicNow(); // 4
  const said = await sessions.controlPlane.report(report);
  state.gatherMs = clamp(time.monotonicNow() - beganAtMs, GATHER_MS, GATHER_MS_MAX);
  switch (said.status) {
    case "answered": {
      deps.lease.renew({ reportSentAtMs, leaseSeconds: leaseSecondsOf(said.answer), selfFence });
      state.startedBoot = bootId;
      if (capacity !== undefined) state.capacityBoot = bootId;
      const seconds = said.answer.nextReportInSeconds;
      const nextMs = clamp(seconds, INTERVAL_SECONDS_MIN, INTERVAL_SECONDS_MAX) * 1000;
      return { accepted: true, nextMs };
    }
    case "stale_boot":
      sessions.refused(bootId);
      return { accepted: false, retryAfterMs: 0 };
    case "refused":
      deps.note({ level: "error", message: "report refused", ...said });
      if (said.code === "payload_too_large") state.wording = "terse";
      if (said.code === "unauthenticated") sessions.renew();
      return { accepted: false, retryAfterMs: 0 };
    case "unavailable":
      deps.note({ level: "warn", message: "report not delivered", ...said });
      return { accepted: false, retryAfterMs: said.retryAfterMs };
    default:
      return said satisfies never;
  }
}

/** As long as this answer says, by the server's own account: its settings may be others than at the session. */
function leaseSecondsOf({ leaseUntil, now }: ReportAnswer): number {
  return Math.max(0, (Date.parse(leaseUntil) - Date.parse(now)) / 1000);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
