import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueueEngine, type QueueEngine } from "../../../local/engine/queue-engine.ts";
import { startEventSource } from "../../../local/lambda/event-source.ts";
import type { FunctionPool } from "../../../local/lambda/function-pool.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";
import { type Bindings, expectRecorded } from "../wire/recording.ts";

/** The queue's visibility time-out in the scenes. */
const VISIBILITY_SECONDS = 10;
const SCENES = "tests/aws/services/lambda_/event_source_mapping/test_lambda_integration_sqs.py::";
const recordings = JSON.parse(
  // The recorder's two plain words for what differs from run to run, as the comparison knows them.
  readFileSync(new URL("../../recordings/lambda-sqs.json", import.meta.url), "utf8")
    .replaceAll('"sent-timestamp"', '"timestamp"')
    .replaceAll('"<approximate-first-receive-timestamp>"', '"timestamp"'),
);
const recorded = (scene: string) => recordings[`${SCENES}${scene}`]["recorded-content"];

/** What the recorded functions are told by each message: how often to fail on it, before they don't. */
type Told = { readonly fail_attempts: number };
type SqsRecord = {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: { readonly ApproximateReceiveCount: string };
};
type Invocation = { readonly event: unknown; readonly result?: unknown; readonly error?: unknown };

describe("an event-source mapping, as recorded on AWS", () => {
  let clock: ManualClock;
  let store: Store;
  let queues: QueueEngine;
  beforeEach(() => {
    clock = manualClock();
    store = openStore(":memory:");
    queues = openQueueEngine({ store, clock, region: "us-east-1", accountId: "111111111111" });
  });
  afterEach(() => store.close());

  const makeQueues = async (suffix: string) => {
    const shared = suffix === "" ? {} : { FifoQueue: "true" };
    await queues.request({
      action: "createQueue",
      queueName: `dead${suffix}`,
      attributes: shared,
    });
    await queues.request({
      action: "createQueue",
      queueName: `source${suffix}`,
      attributes: {
        ...shared,
        VisibilityTimeout: String(VISIBILITY_SECONDS),
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: queues.arnOf(`dead${suffix}`),
          maxReceiveCount: 2,
        }),
      },
    });
  };
  const send = (queueName: string, entry: object) =>
    queues.request({ action: "sendMessage", queueName, senderId: "sender-id", entry });

  /** Runs the mapping over a function until it was invoked so often; then lets the last batch's time-out pass. */
  const play = async (
    queueName: string,
    run: (records: readonly SqsRecord[]) => unknown,
    invocationsMax: number,
  ): Promise<readonly Invocation[]> => {
    const seen: Invocation[] = [];
    const pool: FunctionPool = {
      concurrencyMax: 1,
      stop: async () => {},
      invoke: async (text) => {
        const event = JSON.parse(text);
        try {
          const result = run(event.Records);
          seen.push({ event, result });
          return { ok: true, payload: JSON.stringify(result) ?? "null", requestId: "r" };
        } catch (error) {
          seen.push({ event, error: "failed" });
          return { ok: false, error: { errorType: "E", errorMessage: `${error}` }, requestId: "r" };
        }
      },
    };
    const source = startEventSource({
      mapping: {
        functionName: "f",
        queueName,
        batchMessagesMax: 10,
        windowMs: 0,
        reportsItemFailures: true,
        batchesMax: 1,
      },
      queues,
      pool,
      region: "us-east-1",
      batchesMax: 1,
      onFailure: () => {},
      onBroken: (error) => {
        throw error;
      },
    });
    for (let count = 1; count <= invocationsMax; count++) {
      await expect.poll(() => seen.length).toBe(count);
      await clock.waitedFor();
      clock.advance(VISIBILITY_SECONDS * 1_000);
    }
    await clock.waitedFor();
    await source.stop();
    return seen;
  };
  const deadMessages = async (queueName: string) => {
    const response = await queues.request({ action: "receiveMessage", queueName, messagesMax: 10 });
    if (response.kind !== "received") throw new Error(response.kind);
    return response.messages;
  };
  const failures = (records: readonly SqsRecord[]) => ({
    batchItemFailures: records
      .filter(({ body, attributes }) => {
        const told: Told = JSON.parse(body);
        return Number(attributes.ApproximateReceiveCount) <= told.fail_attempts;
      })
      .map(({ messageId }) => ({ itemIdentifier: messageId })),
  });

  it("hands over a FIFO batch, then what failed of it, and leaves the last failure to the dead letters", async () => {
    const scene = recorded("test_report_batch_item_failures");
    await makeQueues(".fifo");
    for (const [at, failAttempts] of [0, 1, 1, 2].entries())
      await send("source.fifo", {
        body: JSON.stringify({ message: at + 1, fail_attempts: failAttempts }),
        groupId: "1",
        deduplicationId: `dedup-${at + 1}`,
      });
    const [first, second, ...more] = await play("source.fifo", failures, 2);
    const bindings: Bindings = new Map();
    expectRecorded(first, scene.first_invocation.Messages[0].Body, bindings);
    expectRecorded(second, scene.second_invocation.Messages[0].Body, bindings);
    expect(more).toEqual([]);
    const [dead] = await deadMessages("dead.fifo");
    expectRecorded(dead?.body, scene.dlq_response.Messages[0].Body, bindings);
    expectRecorded(dead?.messageId, scene.dlq_response.Messages[0].MessageId, bindings);
  });

  it("fails the whole batch for an answer that names no message", async () => {
    const scene = recorded("test_report_batch_item_failures_invalid_result_json_batch_fails");
    await makeQueues("");
    await send("source", { body: '{"message": 1, "fail_attempts": 0}' });
    const invalid = () => ({ batchItemFailures: [{ foo: "notvalid" }] });
    const [first, second, ...more] = await play("source", invalid, 2);
    const bindings: Bindings = new Map();
    expectRecorded(first, scene.first_invocation.Messages[0].Body, bindings);
    expectRecorded(second, scene.second_invocation.Messages[0].Body, bindings);
    expect(more).toEqual([]);
    expect(await deadMessages("dead")).toHaveLength(1);
  });

  it("takes an empty answer for success", async () => {
    const scene = recorded("test_report_batch_item_failures_empty_json_batch_succeeds");
    await makeQueues("");
    await send("source", { body: '{"message": 1, "fail_attempts": 0}' });
    const [first, ...more] = await play("source", () => ({}), 1);
    expectRecorded(first, scene.first_invocation.Messages[0].Body, new Map());
    expect(more).toEqual([]);
    expect(await deadMessages("dead")).toEqual([]);
  });

  it("leaves a batch whose function threw for later, all of it", async () => {
    await makeQueues("");
    await send("source", { body: "{not a json body" });
    await send("source", { body: '{"message": 2, "fail_attempts": 0}' });
    const seen = await play("source", (records) => records.map(({ body }) => JSON.parse(body)), 2);
    expect(seen.filter(({ error }) => error !== undefined).length).toBeGreaterThan(0);
    const bodies = (await deadMessages("dead")).map(({ body }) => body);
    expect(bodies).toContain("{not a json body");
  });

  it("hands over message attributes with their checksum", async () => {
    const scene = recorded("test_message_body_and_attributes_passed_correctly");
    await makeQueues("");
    await send("source", {
      body: '{"destination": "http://q", "fail_attempts": 0}',
      attributes: {
        Title: { dataType: "String", stringValue: "The Whistler" },
        Author: { dataType: "String", stringValue: "John Grisham" },
        WeeksOn: { dataType: "Number", stringValue: "6" },
      },
    });
    const [first] = await play("source", () => null, 1);
    expectRecorded(first?.event, scene.first_attempt.Messages[0].Body.event, new Map());
  });
});
