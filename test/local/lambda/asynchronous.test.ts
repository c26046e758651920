import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueueEngine, type QueueEngine } from "../../../local/engine/queue-engine.ts";
import {
  type AsynchronousProps,
  invokeAsynchronously,
} from "../../../local/lambda/asynchronous.ts";
import type { FunctionPool, Invoked } from "../../../local/lambda/function-pool.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import type { AsynchronousPolicy } from "../../../local/template/stack-model.ts";
import { aFunction } from "../../support/fixture-function.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";

const FAILED: Invoked = {
  ok: false,
  requestId: "request",
  error: { errorType: "Error", errorMessage: "no" },
};
const TOOK: Invoked = { ok: true, requestId: "request", payload: "null" };
const STOPPED: Invoked = {
  ok: false,
  requestId: "request",
  error: { errorType: "Runtime.Stopped", errorMessage: "stopping" },
};

describe("an asynchronous invocation", () => {
  let clock: ManualClock;
  let store: Store;
  let queues: QueueEngine;
  let waits: number[];
  beforeEach(async () => {
    clock = manualClock();
    store = openStore(":memory:");
    queues = openQueueEngine({ store, clock, region: "us-east-1", accountId: "111111111111" });
    await queues.request({ action: "createQueue", queueName: "failed" });
    waits = [];
  });
  afterEach(() => store.close());

  const run = (outcomes: readonly Invoked[], policy: Partial<AsynchronousPolicy> = {}) => {
    const left = [...outcomes];
    const pool: FunctionPool = {
      concurrencyMax: 1,
      stop: async () => {},
      invoke: async () => left.shift() ?? FAILED,
    };
    const { asynchronous } = aFunction();
    const props: AsynchronousProps = {
      model: aFunction({ asynchronous: { ...asynchronous, onFailureQueue: "failed", ...policy } }),
      pool,
      queues,
      now: clock.now,
      wait: async (ms) => {
        waits.push(ms);
        clock.advance(ms);
      },
      onFailure: () => {},
    };
    return invokeAsynchronously(props, '{"report":1}').then(() => left.length);
  };
  const failed = async () => {
    const got = await queues.request({ action: "receiveMessage", queueName: "failed" });
    return got.kind === "received" ? got.messages.map(({ body }) => JSON.parse(body)) : [];
  };

  it("is over when the function took the event", async () => {
    expect(await run([TOOK])).toBe(0);
    expect(await failed()).toEqual([]);
  });

  it("is tried again after one minute, then after two", async () => {
    expect(await run([FAILED, FAILED, TOOK])).toBe(0);
    expect(waits).toEqual([60_000, 120_000]);
    expect(await failed()).toEqual([]);
  });

  it("ends at the on-failure destination after two retries, with what happened", async () => {
    expect(await run([FAILED, FAILED, FAILED, TOOK])).toBe(1);
    expect(await failed()).toEqual([
      {
        version: "1.0",
        timestamp: new Date(clock.now()).toISOString(),
        requestContext: {
          requestId: "request",
          functionArn: "arn:aws:lambda:us-east-1:111111111111:function:fixture:$LATEST",
          condition: "RetriesExhausted",
          approximateInvokeCount: 3,
        },
        requestPayload: { report: 1 },
        responseContext: {
          statusCode: 200,
          executedVersion: "$LATEST",
          functionError: "Unhandled",
        },
        responsePayload: { errorType: "Error", errorMessage: "no" },
      },
    ]);
  });

  it("is not tried again when the event would be too old by then", async () => {
    await run([FAILED, TOOK], { eventAgeMsMax: 59_000 });
    expect(waits).toEqual([]);
    expect(await failed()).toMatchObject([
      { requestContext: { condition: "EventAgeExceeded", approximateInvokeCount: 1 } },
    ]);
  });

  it("without a destination is dropped, as the sweeper's runs are", async () => {
    expect(await run([FAILED, TOOK], { retriesMax: 0, onFailureQueue: undefined })).toBe(1);
    expect(await failed()).toEqual([]);
  });

  it("that a stop interrupts is left to the bus", async () => {
    await expect(run([STOPPED])).rejects.toThrow("stopping");
    expect(await failed()).toEqual([]);
  });
});
