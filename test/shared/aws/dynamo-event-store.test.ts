import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EventStore } from "../../../shared/app/ports.ts";
import { documentClient } from "../../../shared/aws/documents.ts";
import { dynamoEventStore } from "../../../shared/aws/dynamo-event-store.ts";
import { TopicEvent } from "../../../shared/model/topic.ts";
import { settings, T0, vmId } from "../../support/a-record.ts";
import type { DynamoEngine } from "../../support/dynamo-engine.ts";
import { createTables } from "../../support/dynamo-tables.ts";
import { startDynoxide } from "../../support/dynoxide.ts";
import { testClock } from "../../support/test-clock.ts";

const WRITERS = 6;
const ROUNDS = 8;

const anEvent = (n: number): TopicEvent =>
  TopicEvent.parse({
    family: "vm.state",
    topic: `vm.state.${vmId}`,
    id: `${vmId}.${n}.0`,
    at: T0 + n,
    detail: { vmId },
  });

describe("the log of events, with several writers", () => {
  let engine: DynamoEngine;
  beforeAll(async () => {
    engine = await startDynoxide();
  });
  afterAll(() => engine.stop());

  it("E1, E2: holds each event once, and shows none behind a reader who has gone past", async () => {
    const clock = testClock();
    const tables = await createTables(engine.client);
    const deps = { documents: documentClient(engine.client), tables, clock, retention: settings };
    const writers: readonly EventStore[] = Array.from({ length: WRITERS }, () =>
      dynamoEventStore(deps),
    );
    const reader = dynamoEventStore(deps);
    const read: string[] = [];
    let cursor: string | undefined;
    const look = async (): Promise<number> => {
      const page = await reader.feed({}, { limit: 5, after: cursor });
      if (!page.ok) throw new Error(page.reason);
      read.push(...page.items.map(({ id }) => id));
      cursor = page.next;
      return page.items.length;
    };
    let writing = true;
    const reading = (async () => {
      while (writing) await look();
    })();
    // Each event is told by two writers, as a queue may hand one message to two functions.
    await Promise.all(
      writers.map(async (writer, w) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const first = (Math.floor(w / 2) * ROUNDS + round) * 3;
          await writer.append([anEvent(first), anEvent(first + 1), anEvent(first + 2)]);
        }
      }),
    );
    writing = false;
    await reading;
    while ((await look()) > 0);
    const told = Array.from({ length: (WRITERS / 2) * ROUNDS * 3 }, (_, n) => anEvent(n).id);
    expect(read.toSorted()).toEqual(told.toSorted());
  });
});
