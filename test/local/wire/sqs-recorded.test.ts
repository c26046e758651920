/** What AWS's SQS was recorded to answer, put to the local one through the real client. Inputs are as in the recorded tests. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { type WireStack, wireStack } from "../wire-stack.ts";
import { type Bindings, expectRecorded } from "./recording.ts";
import { FIFO_SCENES } from "./sqs-fifo-scenes.ts";
import { MESSAGE_SCENES } from "./sqs-message-scenes.ts";
import { QUEUE_SCENES } from "./sqs-queue-scenes.ts";

const Recordings = z.record(
  z.string(),
  z.object({ "recorded-content": z.record(z.string(), z.unknown()) }),
);
const recordings = z.parse(
  Recordings,
  JSON.parse(readFileSync(new URL("../../recordings/sqs.json", import.meta.url), "utf8")),
);
const shortName = (full: string) => full.replace(/^.*::/, "");
/** Each test was recorded in both protocols; clients of today speak the JSON one. */
const recordedNames = Object.keys(recordings)
  .map(shortName)
  .filter((name) => !name.includes("[sqs_query"));

const LEFT_OUT: Readonly<Record<string, string>> = {
  "test_sse_queue_attributes[sqs]": "KMS keys are refused locally",
  "test_sse_kms_and_sqs_are_mutually_exclusive[sqs]": "KMS keys are refused locally",
  "test_set_queue_attributes_default_values[sqs]": "KMS keys are refused locally",
  "test_sqs_permission_lifecycle[sqs]": "AddPermission is not among the actions",
  test_send_message_via_queue_url_with_json_protocol:
    "the client sends to the origin, not to the queue's path",
  "test_aws_trace_header_propagation[sqs]":
    "the X-Amzn-Trace-Id header is not taken; the system attribute is",
  test_invalid_dead_letter_arn_rejected_before_lookup: "nothing was recorded for it",
  "test_fifo_delete_message_with_expired_receipt_handle[sqs]":
    "nothing was recorded; same as …_after_visibility_timeout",
};

/** Answers of a played test that its scene does not compare as a whole. */
const NOT_COMPARED: Readonly<Record<string, readonly string[]>> = {
  // Of the other protocol.
  test_non_existent_queue: ["queue-does-not-exist-query"],
  // Of another origin, and with another token: the scene looks at names and order.
  test_list_queues_pagination: ["list_all", "list_two_max", "list_remaining"],
};

const SCENES = { ...QUEUE_SCENES, ...FIFO_SCENES, ...MESSAGE_SCENES };

/** Recorded under a parameter's old name; the test, and its answers, are the ones of `…-visible`. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  "sqs-all-invisible": "sqs-0-visible",
  "sqs-1-invisible": "sqs-1-visible",
  "sqs-no-invisible": "sqs-2-visible",
};
const sceneOf = (name: string) => {
  const parameter = /\[(.*)\]$/.exec(name)?.[1] ?? "";
  return SCENES[name.replace(parameter, OLDER_NAMES[parameter] ?? parameter)];
};

/** What the SDK makes of an answer or an error, in the form in which the recorder kept it. */
const ClientError = z.looseObject({
  Error: z.object({ Code: z.string(), Message: z.string(), Type: z.string() }),
  __type: z.string(),
  $metadata: z.object({ httpStatusCode: z.number() }),
});
const asRecorded = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || !("$metadata" in value)) return value;
  const { $metadata, ...answer } = z.parse(
    z.looseObject({ $metadata: z.object({ httpStatusCode: z.number() }) }),
    value,
  );
  return {
    ...answer,
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: $metadata.httpStatusCode },
  };
};
const errorAsRecorded = (error: unknown) => {
  const { Error: shown, __type, $metadata } = z.parse(ClientError, error);
  const QueryErrorCode = __type.replace(/^.*#/, "");
  return {
    Error: { ...shown, QueryErrorCode },
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: $metadata.httpStatusCode },
  };
};

describe("SQS as AWS answered it", () => {
  let stack: WireStack;
  beforeEach(async () => {
    stack = await wireStack();
  });
  afterEach(() => stack.close());

  it("plays or names every recorded test", () => {
    const played = recordedNames.filter((name) => sceneOf(name) !== undefined);
    const left = recordedNames.filter((name) => sceneOf(name) === undefined);
    expect(left.toSorted()).toEqual(Object.keys(LEFT_OUT).toSorted());
    expect(played.length).toBeGreaterThan(60);
  });

  it.each(recordedNames.filter((name) => sceneOf(name) !== undefined))("%s", async (name) => {
    expect.hasAssertions();
    const full = Object.keys(recordings).find((key) => shortName(key) === name) ?? name;
    const content = recordings[full]?.["recorded-content"] ?? {};
    const bindings: Bindings = new Map();
    const compared = new Set<string>(NOT_COMPARED[name]);
    const record = (key: string, actual: unknown) => {
      compared.add(key);
      expectRecorded(asRecorded(actual), content[key], bindings);
    };
    const refused = async (key: string, call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error, `${key} was not refused`).toBeDefined();
      compared.add(key);
      // `message` repeats the error's own.
      const { message: _, ...recorded } = z.parse(z.looseObject({}), content[key]);
      expectRecorded(errorAsRecorded(error), recorded, bindings);
    };
    await sceneOf(name)?.({ stack, record, refused });
    expect([...compared].toSorted()).toEqual(Object.keys(content).toSorted());
  });
});
