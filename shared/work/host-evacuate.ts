/**
 * Evacuate: every VM that holds room on the host is migrated away, a few at a time, each by a job of its own.
 *
 *  1. Placement has refused the host since before this job was recorded (`app/maintain-host.ts`), so who is found there by
 *     the first look is everybody but those whose room was held before; a second look finds these.
 *  2. What one migration came to stops no other. Who is still there after the second look is named in the end: that, and
 *     not what the jobs answered, is whether the host is empty.
 *  3. Called off, it starts nothing more and waits for what it started, which is called off too.
 */
import * as z from "zod/mini";
import type { HostContext, JobEnd, Wakeup } from "../core/work-type.ts";
import { Count, VmId } from "../model/ids.ts";
import { JobError } from "../model/job.ts";
import { childJob, resultOf } from "./child-job.ts";
import { defineHostWork, type HostOutcome } from "./define-work.ts";
import { calledOff, fail } from "./fail.ts";
import { vmMigrate } from "./vm-migrate.ts";

/** Failures that the end tells in words. */
const TOLD_MAX = 10;
/** Looks over all that are there. */
const LOOKS_MAX = 2;
/** A migration has its own deadline; this one only has it looked after (A8). */
const LOOK_AFTER_MS = 60 * 60 * 1000;

const Input = z.strictObject({});
const Memo = z.strictObject({
  look: Count,
  /** The last VM that this look has come to; they are gone through by id. */
  after: z.optional(VmId),
  running: Count,
  migrated: Count,
  failed: Count,
  /** The latest failures. */
  told: z.array(z.strictObject({ vmId: VmId, error: JobError })),
});
type Memo = z.infer<typeof Memo>;
const Result = z.strictObject({ migrated: Count });
type Step = HostOutcome<Memo, z.infer<typeof Result>>;
type Context = HostContext<z.infer<typeof Input>, unknown>;

export const hostEvacuate = defineHostWork({
  name: "host.evacuate",
  version: 1,
  origin: "maintenance",
  input: Input,
  memo: Memo,
  result: Result,
  begin: (context): Step =>
    goOn(context, { look: 1, running: 0, migrated: 0, failed: 0, told: [] }),
  resume: (context, wakeup): Step => {
    switch (wakeup.kind) {
      case "joined":
        return goOn(context, withEnds(context.memo, wakeup));
      case "deadline":
        return goOn(context, context.memo);
      case "cancelled": // 3
        return { kind: "ignore" };
      default:
        return { kind: "ignore" };
    }
  },
});

/** Starts as many migrations as may run beside those that do. */
function goOn(context: Context, memo: Memo): Step {
  if (context.cancelRequested)
    return memo.running > 0 ? waiting(memo, []) : calledOff(`after ${memo.migrated} VMs`); // 3
  const { hostId, settings, facts } = context;
  const limit = settings.maintenanceParallel;
  const found = facts.residents?.get(memo.after ?? "");
  if (found === undefined)
    return { kind: "need", facts: [{ kind: "residents", hostId, after: memo.after, limit }] };
  const chosen = found.vms.slice(0, limit - memo.running);
  const last = chosen.at(-1);
  if (last === undefined && memo.running > 0) return waiting(memo, [], found.left);
  if (last === undefined) return looked(context, memo);
  const start = chosen.flatMap(({ vmId, account }) =>
    account === undefined
      ? [] // gone meanwhile, its room with it
      : [childJob(vmMigrate, { key: vmId, vmId, account, input: { leaves: hostId } })],
  );
  const next = { ...memo, after: last.vmId, running: memo.running + start.length };
  return next.running === 0
    ? goOn(context, next)
    : waiting(next, start, found.left - chosen.length);
}

/** All that a look found were tried: who is there now? (2) */
function looked(context: Context, { after: _, ...memo }: Memo): Step {
  const { hostId, facts, settings } = context;
  const limit = settings.maintenanceParallel;
  const found = facts.residents?.get("");
  if (found === undefined) return { kind: "need", facts: [{ kind: "residents", hostId, limit }] };
  const { migrated } = memo;
  if (found.left === 0)
    return { kind: "succeed", result: { migrated }, note: `${hostId} is empty` };
  if (memo.look < LOOKS_MAX) return goOn(context, { ...memo, look: memo.look + 1, told: [] });
  const why = memo.told.map(({ vmId, error }) => `${vmId}: ${error.code}, ${error.detail}`);
  return fail("join_failed", [`${found.left} VMs are still on ${hostId}`, ...why].join("; "));
}

function waiting(memo: Memo, start: readonly ReturnType<typeof childJob>[], left = 0): Step {
  const done = memo.migrated + memo.failed;
  const percent = Math.floor((100 * done) / Math.max(1, done + memo.running + left));
  const failures = memo.failed === 0 ? "" : `, ${memo.failed} failed`;
  return {
    kind: "wait",
    step: "migrating",
    memo,
    action: { kind: "join", start, until: "any" },
    deadlineInMs: LOOK_AFTER_MS,
    percent,
    note: `${memo.migrated} migrated${failures}, ${memo.running} on their way, ${left} to come`,
  };
}

function withEnds(memo: Memo, { ends }: Extract<Wakeup, { kind: "joined" }>): Memo {
  return [...ends].reduce((counted, [key, end]) => withEnd(counted, VmId.parse(key), end), memo);
}

function withEnd(memo: Memo, vmId: VmId, end: JobEnd): Memo {
  const result = resultOf(vmMigrate, end);
  const counted = { ...memo, running: memo.running - 1 };
  if (result.ok) return { ...counted, migrated: memo.migrated + 1 };
  const { code, detail } = result.error;
  const error = { code, detail: detail.slice(0, 200) };
  return {
    ...counted,
    failed: memo.failed + 1,
    told: [...memo.told, { vmId, error }].slice(-TOLD_MAX),
  };
}
