/** EventBridge on the wire: `PutEvents` in awsJson1.1, which is all that the stack's functions call. */
import * as z from "zod/mini";
import type { PutEntry } from "../../shared/memory/bus-entries.ts";
import type { BusEngine } from "../engine/bus-engine.ts";
import type { ServiceCall } from "./sqs-service.ts";
import { malformed, refuse, unknownOperation, type WireAnswer } from "./wire-error.ts";

const Text = z.optional(z.string());
const PutEvents = z.object({
  Entries: z.array(
    z.object({
      Source: Text,
      DetailType: Text,
      Detail: Text,
      EventBusName: Text,
      Resources: z.optional(z.array(z.string())),
      /** Epoch seconds. */
      Time: z.optional(z.number()),
    }),
  ),
});

export async function callEvents(bus: BusEngine, call: ServiceCall): Promise<WireAnswer> {
  const { operation, body, caller } = call;
  if (operation !== "PutEvents") return refuse(unknownOperation(operation));
  if (caller.kind === "session" && caller.policy !== undefined) {
    const message = `User: ${caller.arn} is not authorized to perform: events:PutEvents`;
    return refuse({ status: 400, type: "AccessDeniedException", message });
  }
  const input = z.safeParse(PutEvents, body);
  if (!input.success) return refuse(malformed(z.prettifyError(input.error)));
  const outcome = await bus.putEvents(input.data.Entries.map(readEntry));
  if (outcome.kind === "invalid") {
    return refuse({ status: 400, type: "ValidationException", message: outcome.message });
  }
  const Entries = outcome.results.map((result) =>
    "error" in result
      ? { ErrorCode: result.error.code, ErrorMessage: result.error.message }
      : { EventId: result.eventId },
  );
  const FailedEntryCount = outcome.results.filter((result) => "error" in result).length;
  return { ok: true, body: { Entries, FailedEntryCount } };
}

/** A bus is named by its name or its ARN. */
function readEntry(entry: z.infer<typeof PutEvents>["Entries"][number]): PutEntry {
  return {
    source: entry.Source,
    detailType: entry.DetailType,
    detail: entry.Detail,
    busName: entry.EventBusName?.replace(/^arn:.*:event-bus\//, ""),
    resources: entry.Resources,
    time: entry.Time === undefined ? undefined : Math.round(entry.Time * 1_000),
  };
}
