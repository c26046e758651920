/**
 * A report that the bus could not hand over, or that `reconcile-host` failed on, worked off after all.
 *
 * Its host's later reports say the same and more; but a host that dies right after has no later one. However late this
 * is, it does no harm: an order that is behind the inventory's says nothing.
 */
import { FailedReport, ReportEvent } from "../model/topic.ts";
import { parseJson } from "./parse-message.ts";
import { reconcileHost } from "./reconcile-host.ts";

/** Throws while it cannot be worked off, and on what is no report: its message comes again, and a person sees it. */
export async function redriveReport(
  deps: Parameters<typeof reconcileHost>[0],
  text: string,
): Promise<void> {
  const raw = parseJson(text);
  const failed = FailedReport.safeParse(raw);
  const { detail } = failed.success ? failed.data.requestPayload : ReportEvent.parse(raw);
  await reconcileHost(deps, detail);
}
