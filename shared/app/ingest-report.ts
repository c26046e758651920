/**
 * Takes a report: one conditional write, and for a report that says nothing new that is all (design.md, "Reports").
 *
 *  1. What is refused has changed nothing; what has been heard already is answered with the lease as it stands.
 *  2. Quiet means: complete, the digest of the last report *applied* in this boot, nothing left open by that one, nothing
 *     else heard since (`core/heard-marks.ts`), no resync due, not of a fenced host. So a report that was accepted and never worked off, or only
 *     half, is followed by one that is not quiet.
 *  3. Where nothing but a resync is due, the host is compared with the records of its VMs right here: if they have all that it
 *     says, nobody need be told (ADR 22).
 *  4. The lease is extended from the moment of receiving; the agent counts from the moment of sending, which is earlier.
 */
import { isHeardAlone } from "../core/heard-marks.ts";
import { compareHost, isMatch } from "../core/resync.ts";
import type { Report, ReportAnswer } from "../model/agent-protocol.ts";
import type { Heartbeat } from "../model/host.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Settings } from "../model/settings.ts";
import { refuseStaleBoot } from "./ingest-results.ts";
import { isoTime } from "./iso-time.ts";
import { type AgentIdentity, refuseKey } from "./open-session.ts";
import type { Ports } from "./ports.ts";
import { reportDigest } from "./report-digest.ts";
import { tellHostState } from "./tell-host-state.ts";
import { resolveDown } from "./tell-vms.ts";

/** An entry of `PutEvents` has 256 KB (design.md, "Limits"); 6 KiB are left for what is around the report. */
const PACKED_CHARS_MAX = 250 * 1024;
/** Text below this is packed into less than the above, whatever it says: at most three bytes a character, four thirds in base64. */
const SURELY_FITTING_CHARS = PACKED_CHARS_MAX / 4;

type ReportDeps = Pick<
  Ports,
  "hosts" | "apartments" | "incidents" | "bus" | "codec" | "names" | "clock" | "telemetry"
> & {
  readonly settings: Settings;
};

export async function ingestReport(
  deps: ReportDeps,
  request: { readonly caller: AgentIdentity; readonly report: Report },
): Promise<Answer<ReportAnswer>> {
  const { caller, report } = request;
  if (!fitsAnEvent(deps, report))
    return refuse("payload_too_large", "the report does not fit, names and details are too long");
  const now = deps.clock.now();
  const digest = reportDigest(deps, report);
  const beaten = await deps.hosts.beat({
    ...caller,
    bootId: report.bootId,
    seq: report.seq,
    digest,
    blind: report.complete ? undefined : { reason: report.reason },
    selfFence: report.selfFence === true,
    vmCount: report.vms.length,
    now,
    leaseUntil: now + deps.settings.leaseSeconds * 1000, // 4
  });
  switch (beaten.status) {
    case "wrong_key":
      return refuseKey();
    case "stale_boot":
      deps.telemetry.count("reportsOfAnotherBoot");
      return refuseStaleBoot();
    case "replayed":
      deps.telemetry.count("reportsReplayed");
      return accepted(deps, beaten.heartbeat, now); // 1
    case "beaten":
      if (!report.complete) deps.telemetry.count("reportsIncomplete");
      if (beaten.heartbeat.silent === true && beaten.heartbeat.fenced !== true)
        await markHeard(deps, beaten.heartbeat);
      await passOn(deps, report, { heartbeat: beaten.heartbeat, digest, now });
      return accepted(deps, beaten.heartbeat, now);
    default:
      return beaten satisfies never;
  }
}

/** Puts what is not quiet on the bus, whole. */
async function passOn(
  deps: ReportDeps,
  report: Report,
  at: { readonly heartbeat: Heartbeat; readonly digest: string; readonly now: number },
): Promise<void> {
  const { heartbeat, digest, now } = at;
  const { hostId, bootOrdinal } = heartbeat;
  const applied = report.complete ? appliedAlike(heartbeat, digest) : undefined;
  if (applied !== undefined && !isResyncDue(applied, { now, settings: deps.settings })) return; // 2
  if (applied !== undefined && (await isRecorded(deps, report, heartbeat))) {
    await deps.hosts.markCompared(hostId, { ...applied, at: now });
    return; // 3
  }
  await deps.bus.put([
    {
      family: "agent.report",
      topic: `agent.report.${hostId}`,
      id: `${hostId}.${bootOrdinal}.${report.seq}`,
      at: now,
      detail: {
        hostId,
        bootOrdinal,
        seq: report.seq,
        digest,
        receivedAt: now,
        ...(heartbeat.silent === true ? { returns: true } : {}),
        report: deps.codec.pack(JSON.stringify(report)),
      },
    },
  ]);
}

/** The report that was applied last, if this one says what it said and nothing else is open or was heard. */
function appliedAlike(
  { applied, bootOrdinal, heard, fenced, silent }: Heartbeat,
  digest: string,
): Heartbeat["applied"] {
  const isAlike =
    fenced !== true &&
    silent !== true &&
    applied?.bootOrdinal === bootOrdinal &&
    applied.digest === digest &&
    isHeardAlone(heard, digest);
  return isAlike ? applied : undefined;
}

/** Whether the records of the host's VMs have what it says. */
async function isRecorded(
  { apartments, telemetry }: ReportDeps,
  { vms }: Report,
  { hostId, bootOrdinal }: Heartbeat,
): Promise<boolean> {
  telemetry.count("resyncs");
  return isMatch(compareHost(await apartments.atHost(hostId), { vms, bootOrdinal }));
}

/** Whether the host has not been compared whole for `resyncMinutes`. */
export function isResyncDue(
  applied: NonNullable<Heartbeat["applied"]>,
  at: { readonly now: number; readonly settings: Settings },
): boolean {
  return at.now - applied.at >= at.settings.resyncMinutes * 60_000;
}

/** Told, and resolved, before it is noted: the mark that makes us do so is gone only after. */
async function markHeard(deps: ReportDeps, heartbeat: Heartbeat): Promise<void> {
  const { hostId, bootOrdinal, seq } = heartbeat;
  await tellHostState(deps, {
    hostId,
    id: `${hostId}.${bootOrdinal}.${seq}.Up`,
    from: null,
    to: "Up",
  });
  await resolveDown(deps, hostId);
  await deps.hosts.markHeard(hostId);
}

function fitsAnEvent({ codec }: Pick<Ports, "codec">, report: Report): boolean {
  const text = JSON.stringify(report);
  return text.length <= SURELY_FITTING_CHARS || codec.pack(text).length <= PACKED_CHARS_MAX;
}

function accepted(
  { settings }: ReportDeps,
  { leaseUntil }: Heartbeat,
  now: number,
): Answer<ReportAnswer> {
  return {
    ok: true,
    value: {
      leaseUntil: isoTime(leaseUntil ?? now),
      nextReportInSeconds: settings.reportIntervalSeconds,
      now: isoTime(now),
    },
  };
}
