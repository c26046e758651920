/** What AWS's EventBridge was recorded to answer to `PutEvents`, put to the local one through the real client. */
import { readFileSync } from "node:fs";
import { PutEventsCommand, type PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import type { RuleSpec } from "../../../shared/memory/bus-rules.ts";
import { ACCOUNT_ID, REGION, type WireStack, wireStack } from "../wire-stack.ts";
import { type Bindings, expectRecorded } from "./recording.ts";

const Content = z.record(z.string(), z.unknown());
const recordings = z.parse(
  z.record(z.string(), z.object({ "recorded-content": Content })),
  JSON.parse(readFileSync(new URL("../../recordings/events.json", import.meta.url), "utf8")),
);
const recorded = (name: string, key: string) => {
  const full = Object.keys(recordings).find((candidate) => candidate.endsWith(`::${name}`));
  return recordings[full ?? ""]?.["recorded-content"][key];
};

const command = "core.update-account-command";
const detail = JSON.stringify({
  command: "update-account",
  payload: { acc_id: "0a787ecb-4015", sf_id: "baz" },
});
/** As the recorder serialised it. */
const pythonDetail = detail.replaceAll('":', '": ').replaceAll(',"', ', "');
const entry = { Source: command, DetailType: command, Detail: detail };

const rules: readonly RuleSpec[] = [
  {
    name: "commands",
    busName: "default",
    arn: `arn:aws:events:${REGION}:${ACCOUNT_ID}:rule/commands`,
    enabled: true,
    pattern: { source: [command] },
    targets: [{ id: "f", arn: `arn:aws:lambda:${REGION}:${ACCOUNT_ID}:function:f` }],
  },
];

let stack: WireStack;
let bindings: Bindings;
beforeEach(async () => {
  stack = await wireStack(rules);
  bindings = new Map();
});
afterEach(() => stack.close());

const put = async (...Entries: PutEventsRequestEntry[]) => {
  const { $metadata, ...answer } = await stack.events.send(new PutEventsCommand({ Entries }));
  return {
    ...answer,
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: $metadata.httpStatusCode },
  };
};
const ServiceError = z.looseObject({
  name: z.string(),
  message: z.string(),
  $metadata: z.object({ httpStatusCode: z.number() }),
});
const refusal = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const { name, message, $metadata } = z.parse(ServiceError, error);
  return {
    Error: { Code: name, Message: message },
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: $metadata.httpStatusCode },
  };
};

describe("PutEvents as AWS answered it", () => {
  const { Source: _, ...withoutSource } = entry;
  const { Detail: __, ...withoutDetail } = entry;
  const { DetailType: ___, ...withoutDetailType } = entry;
  const answered: Readonly<Record<string, PutEventsRequestEntry>> = {
    test_put_events_without_source: withoutSource,
    test_put_event_without_detail: withoutDetail,
    test_put_event_without_detail_type: withoutDetailType,
    "test_put_event_malformed_detail[STRING]": { ...entry, Detail: "NotJSON" },
    "test_put_event_malformed_detail[ARRAY]": { ...entry, Detail: "[]" },
    "test_put_event_malformed_detail[MALFORMED_JSON]": { ...entry, Detail: "{{}" },
    "test_put_event_malformed_detail[SERIALIZED_STRING]": { ...entry, Detail: '"NotJSON"' },
  };
  it.each(Object.keys(answered))("%s", async (name) => {
    expectRecorded(await put(answered[name] ?? {}), recorded(name, "put-events"), bindings);
  });

  it("test_put_event_with_too_big_detail", async () => {
    const Detail = JSON.stringify({ payload: ["p".repeat(256 * 1_024 - 17)] });
    const expected = recorded(
      "test_put_event_with_too_big_detail",
      "put-events-too-big-detail-error",
    );
    expectRecorded(await refusal(put({ ...entry, Detail })), expected, bindings);
  });

  it("test_put_events_exceed_limit_ten_entries", async () => {
    const eleven = Array.from({ length: 11 }, () => ({
      ...entry,
      Detail: pythonDetail,
      EventBusName: "some-bus",
    }));
    const name = "test_put_events_exceed_limit_ten_entries[custom]";
    expectRecorded(
      await refusal(put(...eleven)),
      recorded(name, "put-events-exceed-limit-error"),
      bindings,
    );
  });

  it("test_put_events_nonexistent_event_bus: an id for each, a delivery for the bus that exists", async () => {
    const answer = await put(entry, { ...entry, EventBusName: "no-such-bus" });
    expectRecorded(
      answer,
      recorded("test_put_events_nonexistent_event_bus", "put-events"),
      bindings,
    );
    expect(await stack.bus.take({ max: 10, leaseMs: 1_000 })).toHaveLength(1);
  });

  it("test_put_events_with_time_field: the envelope, with whole seconds", async () => {
    const Time = new Date(stack.clock.now() - 1_500);
    const answer = await put({ ...entry, Time, Resources: ["r"] });
    const [delivery] = await stack.bus.take({ max: 1, leaseMs: 1_000 });
    expect(JSON.parse(delivery?.payload ?? "")).toEqual({
      version: "0",
      id: answer.Entries?.[0]?.EventId,
      "detail-type": command,
      source: command,
      account: ACCOUNT_ID,
      time: "2025-12-31T23:59:58Z",
      region: REGION,
      resources: ["r"],
      detail: JSON.parse(detail),
    });
  });
});
