/**
 * The feed of topic events, and a VM's history: an account sees the events that are its own, an admin all.
 *
 * A VM's history stays when the VM is gone, so it is the events that say whose they are, not the VM's record.
 */
import { byAge } from "../model/event-log.ts";
import type { VmId } from "../model/ids.ts";
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import { type Event, eventSubject, type TopicEvent } from "../model/topic.ts";
import { answerPage, type PageOf } from "./answer-page.ts";
import { findVm } from "./find-vm.ts";
import { isoTime } from "./iso-time.ts";
import type { EventFilter, PageRequest, Ports } from "./ports.ts";

/** Events from a cursor on, oldest recorded first, with the cursor of the next look. */
export async function listEvents(
  deps: Pick<Ports, "events">,
  query: {
    readonly caller: Caller;
    readonly filter: Omit<EventFilter, "account">;
    readonly from: { readonly limit: number; readonly after?: string | undefined };
  },
): Promise<Answer<{ items: Event[]; nextCursor: string }>> {
  const filter = { ...query.filter, account: accountSeen(query.caller) };
  const read = await deps.events.feed(filter, query.from);
  if (read.ok)
    return { ok: true, value: { items: read.items.map(eventView), nextCursor: read.next } };
  const message = "not a cursor of this feed";
  return refuse("invalid_request", `after: ${message}`, { errors: [{ path: "after", message }] });
}

/** A VM's events, newest first. A VM of which the caller may see neither record nor event is not there. */
export async function getHistory(
  deps: Pick<Ports, "events" | "apartments">,
  query: { readonly caller: Caller; readonly vmId: VmId; readonly page: PageRequest },
): Promise<Answer<PageOf<Event>>> {
  const filter = { vmId: query.vmId, account: accountSeen(query.caller) };
  const page = await deps.events.history(filter, query.page);
  if (page.ok && page.items.length === 0 && page.nextCursor === undefined) {
    const found = await findVm(deps, query);
    if (!found.ok && query.page.cursor === undefined) return found;
  }
  return answerPage(
    // Recorded in almost the order in which they happened: a page is told in that of their times.
    page.ok ? { ...page, items: page.items.toSorted((one, other) => byAge(other, one)) } : page,
    eventView,
  );
}

function accountSeen({ role, account }: Caller) {
  return role === "admin" ? undefined : account;
}

function eventView(event: TopicEvent): Event {
  const { id, family, topic, at, account, detail } = event;
  return { id, type: family, topic, at: isoTime(at), account, ...eventSubject(event), detail };
}
