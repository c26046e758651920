/**
 * EventBridge on the wire, in awsJson1.1: `PutEvents`, which is all that the stack's functions call; and replays of an
 * archive, which a person starts.
 */
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
  const serve = OPERATIONS.get(operation);
  if (serve === undefined) return refuse(unknownOperation(operation));
  if (caller.kind === "session" && caller.policy !== undefined) {
    const message = `User: ${caller.arn} is not authorized to perform: events:${operation}`;
    return refuse({ status: 400, type: "AccessDeniedException", message });
  }
  return serve(bus, body);
}

const OPERATIONS: ReadonlyMap<string, (bus: BusEngine, body: unknown) => Promise<WireAnswer>> =
  new Map([
    ["PutEvents", putEvents],
    ["StartReplay", startReplay],
    ["DescribeReplay", describeReplay],
  ]);

async function putEvents(bus: BusEngine, body: unknown): Promise<WireAnswer> {
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

const StartReplay = z.object({
  ReplayName: z.string(),
  EventSourceArn: z.string(),
  /** Epoch seconds. */
  EventStartTime: z.number(),
  EventEndTime: z.number(),
  Destination: z.object({ Arn: z.string(), FilterArns: z.optional(z.array(z.string())) }),
});

async function startReplay(bus: BusEngine, body: unknown): Promise<WireAnswer> {
  const input = z.safeParse(StartReplay, body);
  if (!input.success) return refuse(malformed(z.prettifyError(input.error)));
  const { ReplayName: name, EventSourceArn: archiveArn, Destination } = input.data;
  const outcome = await bus.replays.start({
    name,
    archiveArn,
    busName: busNameOf(Destination.Arn),
    from: Math.round(input.data.EventStartTime * 1_000),
    to: Math.round(input.data.EventEndTime * 1_000),
    ruleArns: Destination.FilterArns,
  });
  if (outcome.kind === "refused")
    return refuse({ status: 400, type: outcome.code, message: outcome.message });
  const { replay } = outcome;
  return {
    ok: true,
    body: {
      ReplayArn: replayArn(replay),
      State: "STARTING",
      ReplayStartTime: replay.startedAt / 1_000,
    },
  };
}

const DescribeReplay = z.object({ ReplayName: z.string() });

async function describeReplay(bus: BusEngine, body: unknown): Promise<WireAnswer> {
  const input = z.safeParse(DescribeReplay, body);
  if (!input.success) return refuse(malformed(z.prettifyError(input.error)));
  const { ReplayName: name } = input.data;
  const replay = bus.replays.describe(name);
  if (replay === undefined) {
    const message = `Replay ${name} does not exist.`;
    return refuse({ status: 400, type: "ResourceNotFoundException", message });
  }
  return {
    ok: true,
    body: {
      ReplayName: name,
      ReplayArn: replayArn(replay),
      EventSourceArn: replay.archiveArn,
      State: replay.endedAt === undefined ? "RUNNING" : "COMPLETED",
      EventStartTime: replay.from / 1_000,
      EventEndTime: replay.to / 1_000,
      ReplayStartTime: replay.startedAt / 1_000,
      ...(replay.endedAt === undefined ? {} : { ReplayEndTime: replay.endedAt / 1_000 }),
    },
  };
}

function replayArn({ archiveArn, name }: { readonly archiveArn: string; readonly name: string }) {
  return archiveArn.replace(/:archive\/.*$/, `:replay/${name}`);
}

/** A bus is named by its name or its ARN. */
function readEntry(entry: z.infer<typeof PutEvents>["Entries"][number]): PutEntry {
  return {
    source: entry.Source,
    detailType: entry.DetailType,
    detail: entry.Detail,
    busName: entry.EventBusName === undefined ? undefined : busNameOf(entry.EventBusName),
    resources: entry.Resources,
    time: entry.Time === undefined ? undefined : Math.round(entry.Time * 1_000),
  };
}

function busNameOf(nameOrArn: string): string {
  return nameOrArn.replace(/^arn:.*:event-bus\//, "");
}
