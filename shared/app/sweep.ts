/**
 * The sweeper's minute: again and again it looks for what is due and sends it a message. It changes no record of an
 * apartment (A5); sending twice is harmless.
 *
 *  A8 an apartment whose `wakeAt` has passed is woken; a job recorded but never admitted is submitted again.
 */
import { LogicalId } from "../model/ids.ts";
import type { Ports } from "./ports.ts";
import { submissionTo } from "./submission.ts";
import { type WatchDeps, watchHosts } from "./watch-hosts.ts";

/** Between two looks within the minute. */
const LOOK_EVERY_MS = 5_000;
/** Apartments woken in one look; what is left is due at the next. */
const WAKES_MAX = 1_000;
/** Submissions sent again in one look. */
const RESENDS_MAX = 200;
/** A submission is not called lost before its sender has had this long. */
const LOST_AFTER_MS = 30_000;

export type SweepDeps = Pick<Ports, "apartments" | "jobs"> & WatchDeps;

/** Looks every few seconds until `untilMs`. */
export async function sweep(
  deps: SweepDeps,
  { untilMs }: { readonly untilMs: number },
): Promise<void> {
  await wakeDue(deps);
  await resendLost(deps);
  await watchHosts(deps);
  for (;;) {
    await wakeDue(deps);
    const left = untilMs - deps.clock.now();
    if (left <= 0) return;
    await deps.clock.sleep(Math.min(LOOK_EVERY_MS, left));
  }
}

/** Wakes what is due now. */
export async function wakeDue(
  deps: Pick<SweepDeps, "apartments" | "apartmentQueue" | "clock" | "telemetry">,
): Promise<number> {
  const due = await deps.apartments.due({ before: deps.clock.now(), limit: WAKES_MAX });
  if (due.length === 0) return 0;
  await deps.apartmentQueue.send(
    due.map(({ id, wakeAt }) => ({
      to: id,
      message: {
        v: 1,
        logicalId: LogicalId.parse(`wake:${id}:${wakeAt}`),
        body: { kind: "wake", dueAt: wakeAt },
      },
    })),
  );
  deps.telemetry.count("wakeUpsSent", due.length);
  return due.length;
}

/** Sends submissions again whose sender died between record and message. */
export async function resendLost(
  deps: Pick<SweepDeps, "jobs" | "apartmentQueue" | "clock" | "telemetry">,
): Promise<number> {
  const before = deps.clock.now() - LOST_AFTER_MS;
  const lost = await deps.jobs.unsent({ before, limit: RESENDS_MAX });
  if (lost.length > 0)
    await deps.apartmentQueue.send(lost.map(({ to, jobId }) => submissionTo(to, jobId)));
  if (lost.length > 0) deps.telemetry.count("submissionsResent", lost.length);
  return lost.length;
}
