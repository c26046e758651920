/**
 * What the bus hands to functions, as Lambda invokes them asynchronously: tried again after a minute and after two more,
 * then given up. Until then the event stays with the bus.
 */
import type { Delivery } from "../shared/memory/bus-state.ts";
import { targetOf } from "./bus-rules.ts";
import { FAILED_REPORT_QUEUE, FUNCTIONS, RETRY_WAITS_MS } from "./functions.ts";
import { invoke } from "./invoke.ts";
import type { Deps, World } from "./world.ts";

type TargetName = "reconcile-host" | "sweeper";
export type BusTargets = Readonly<
  Record<TargetName, (deps: Deps, event: unknown) => Promise<unknown>>
>;

/** Longer than any try of any event. */
const LEASE_MS = 24 * 3_600_000;
const TAKEN_MAX = 100;
/** What the bus takes to hand over. */
const HAND_OVER_MS = { least: 1, most: 60 };

/** Late, or once more: up to long after newer events. */
const LATE_MS = { least: 1, most: 600_000 };

/** Answers what is to be asked after each event. */
export function startBusTargets(world: World, targets: BusTargets): () => void {
  const { time, latency, faults } = world;
  const { bus } = world.memory;
  let lookAt = Number.POSITIVE_INFINITY;
  /** The bus's revision that was looked at last. */
  let looked: number | undefined;
  bus.request({ action: "fireSchedules" }); // a schedule counts from when it was first seen

  const extraMs = (kind: "event-late" | "event-doubled"): number => {
    if (!faults.strikes(kind)) return 0;
    const ms = faults.draw(kind).int(LATE_MS.least, LATE_MS.most);
    world.history.tell(() => `${kind}: ${ms} ms`);
    return ms;
  };

  const look = () => {
    lookAt = Number.POSITIVE_INFINITY;
    looked = undefined;
    bus.request({ action: "fireSchedules" });
    const taken = bus.request({ action: "take", max: TAKEN_MAX, leaseMs: LEASE_MS });
    if (taken.kind !== "taken") throw new Error(`the bus answered ${taken.kind}`);
    for (const delivery of taken.deliveries) {
      const handOver = (afterMs: number) =>
        time.after(afterMs, () => {
          void deliver(world, targets, delivery).then(() =>
            bus.request({ action: "acknowledge", id: delivery.id }),
          );
        });
      const afterMs = latency.int(HAND_OVER_MS.least, HAND_OVER_MS.most);
      handOver(afterMs + extraMs("event-late"));
      const againMs = extraMs("event-doubled");
      if (againMs > 0) handOver(afterMs + againMs);
    }
  };

  return () => {
    const revision = bus.revision();
    if (looked === revision) return;
    looked = revision;
    const dueAt = bus.nextDueAt();
    if (dueAt === undefined || lookAt <= dueAt) return;
    lookAt = dueAt;
    time.after(dueAt - time.now(), () => {
      if (lookAt === dueAt) look();
    });
  };
}

/** Resolves when queue or function took the event, or it was given up. */
async function deliver(
  world: World,
  targets: BusTargets,
  { destination, payload }: Delivery,
): Promise<void> {
  const name = targetOf(destination.arn);
  if (destination.kind === "queue") putIntoQueue(world, name, payload);
  else if (isTarget(name)) await invokeUntilTaken(world, { name, target: targets[name] }, payload);
  else throw new Error(`the simulation has no function ${name}`);
}

function isTarget(name: string): name is TargetName {
  return name === "reconcile-host" || name === "sweeper";
}

function putIntoQueue({ memory }: World, queueName: string, body: string): void {
  const senderId = "events.amazonaws.com";
  const sent = memory.queues.request({
    action: "sendMessage",
    queueName,
    senderId,
    entry: { body },
  });
  if (sent.kind !== "sent") throw new Error(`the bus put an event into ${queueName}: ${sent.kind}`);
}

async function invokeUntilTaken(
  world: World,
  { name, target }: { readonly name: TargetName; readonly target: BusTargets[TargetName] },
  payload: string,
): Promise<void> {
  const { retriesMax } = FUNCTIONS[name];
  const event: unknown = JSON.parse(payload);
  for (let attempt = 0; ; attempt += 1) {
    const ended = await invoke(world, name, (deps) => target(deps, event));
    if (ended.ok) return;
    if (attempt >= retriesMax) {
      world.history.tell(() => `${name} gave up an event: ${ended.reason}`);
      if (name === "reconcile-host") putIntoQueue(world, FAILED_REPORT_QUEUE, recordOf(event));
      return;
    }
    await world.time.sleep(RETRY_WAITS_MS[attempt] ?? 0);
  }
}

/** Lambda's record of an invocation that failed for good, as far as somebody reads it. */
function recordOf(event: unknown): string {
  return JSON.stringify({ version: "1.0", requestPayload: event });
}
