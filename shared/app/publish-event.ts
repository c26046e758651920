/**
 * `POST /v1/events`: puts a user's own event on the bus.
 *
 * With a key the event's id is recorded before it is put, and a retry puts it again under that id: an event told twice is
 * recorded once, and wakes a job once. Without a key each POST is an event of its own.
 */
import { type Answer, refuse } from "../model/problem.ts";
import type { Caller } from "../model/token.ts";
import type { Published, PublishRequest } from "../model/user-api.ts";
import type { Ports } from "./ports.ts";
import { idempotencyOf, type Keyed } from "./submit-verb.ts";

export async function publishEvent(
  deps: Pick<Ports, "bus" | "submissions" | "clock" | "names">,
  request: Keyed & { readonly caller: Caller; readonly request: PublishRequest },
): Promise<Answer<Published>> {
  const { caller, request: wish } = request;
  const id = await eventId(deps, request);
  if (id === undefined)
    return refuse("idempotency_conflict", "this key was used for another request");
  await deps.bus.put([
    {
      family: "custom",
      topic: wish.topic,
      id,
      at: deps.clock.now(),
      account: caller.account,
      detail: wish.detail,
    },
  ]);
  return { ok: true, value: { id, topic: wish.topic } };
}

/** A new id, or that of the key's event; none for a key of another request. */
async function eventId(
  deps: Pick<Ports, "submissions" | "clock" | "names">,
  request: Keyed & { readonly caller: Caller },
): Promise<string | undefined> {
  const id = `custom.${deps.names.hash(deps.names.secret()).slice(0, ID_DIGITS)}`;
  const idempotency = idempotencyOf(deps, request);
  if (idempotency === undefined) return id;
  const now = deps.clock.now();
  const accepted = await deps.submissions.accept({ event: { id }, idempotency, now });
  switch (accepted.status) {
    case "accepted":
      return id;
    case "replayed":
      return accepted.eventId;
    case "idempotency_conflict":
    case "vm_exists":
      return undefined;
    default:
      return accepted satisfies never;
  }
}

/** Hexadecimal: 128 bits, as a UUID has. */
const ID_DIGITS = 32;
