import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { type Fixture, fixtureFunction } from "../../support/fixture-function.ts";

const fixtures: Fixture[] = [];
const fixture = (...args: Parameters<typeof fixtureFunction>): Fixture => {
  const made = fixtureFunction(...args);
  fixtures.push(made);
  return made;
};
afterEach(async () => {
  await Promise.all(fixtures.splice(0).map((one) => one.stop()));
});

const invoke = async ({ pool }: Fixture, event: unknown = {}) => {
  const { requestId: _, ...outcome } = await pool.invoke(JSON.stringify(event));
  return outcome;
};
const returned = (value: unknown) => ({ ok: true, payload: JSON.stringify(value) });

describe("an invocation", () => {
  it("hands over the event and Lambda's context, and answers what the handler returned", async () => {
    const one = fixture(
      `export const handler = async (event, context) => ({
         event,
         name: context.functionName,
         memory: context.memoryLimitInMB,
         inTime: context.getRemainingTimeInMillis() > 5000 && context.getRemainingTimeInMillis() <= 10000,
       });`,
    );
    expect(await invoke(one, { a: [1] })).toEqual(
      returned({ event: { a: [1] }, name: "fixture", memory: "128", inTime: true }),
    );
  });

  it("answers null for a handler that returns nothing", async () => {
    expect(await invoke(fixture("export const handler = () => {};"))).toEqual(returned(null));
  });

  it("gives the function the template's environment and nothing of this process's", async () => {
    process.env["VMSYNC_TEST_LEAK"] = "leaked";
    const one = fixture("export const handler = () => ({ ...process.env });", {
      environment: { ONLY: "this" },
    });
    expect(await invoke(one)).toEqual(returned({ ONLY: "this" }));
    delete process.env["VMSYNC_TEST_LEAK"];
  });

  it("lets a bundle find the SDK, as in Lambda's runtime", async () => {
    const one = fixture(
      `import { SQSClient } from "@aws-sdk/client-sqs";
       export const handler = () => typeof SQSClient;`,
    );
    expect(await invoke(one)).toEqual(returned("function"));
  });

  it("hands on what the function writes", async () => {
    const one = fixture(`export const handler = () => { console.log("hello"); };`);
    await invoke(one);
    await expect.poll(one.output).toBe("hello\n");
  });

  it("tells what the function asks of AWS, and once what permission that needs", async () => {
    const server = createServer((_, response) => response.end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const one = fixture(
      `import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
       const client = new DynamoDBClient({ endpoint: "http://127.0.0.1:${port}" });
       const get = new GetItemCommand({ TableName: "t", Key: { id: { S: "1" } } });
       export const handler = async () => { await client.send(get); await client.send(get); };`,
      {
        environment: { AWS_REGION: "r", AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" },
      },
    );
    expect(await invoke(one)).toEqual(returned(null));
    expect(await invoke(one)).toEqual(returned(null));
    const gets = (count: number) => ({ "dynamodb:GetItem": count });
    expect(one.calls).toEqual([
      // As the first call goes out: an invocation that never ends has said what it needs.
      { counts: gets(1), needs: [{ action: "dynamodb:GetItem", resource: "table/t" }] },
      { counts: gets(1), needs: [] },
      { counts: gets(2), needs: [] },
    ]);
    server.closeAllConnections();
    server.close();
  });
});

describe("a function that fails", () => {
  it("answers its error as Lambda shapes it, and goes on", async () => {
    const one = fixture(
      `export const handler = (event) => { if (event.bad) throw new RangeError("too far"); return 1; };`,
    );
    expect(await invoke(one, { bad: true })).toEqual({
      ok: false,
      error: {
        errorType: "RangeError",
        errorMessage: "too far",
        trace: expect.arrayContaining(["RangeError: too far"]),
      },
    });
    expect(await invoke(one)).toEqual(returned(1));
  });

  it("is ended when its time is up, with everything it was doing", async () => {
    const one = fixture(
      `export const handler = (event) => {
         if (event.quick) return "quick";
         setInterval(() => console.log("still here"), 5);
         return new Promise(() => {});
       };`,
      { timeoutMs: 100 },
    );
    const { requestId, ...outcome } = await one.pool.invoke("{}");
    expect(outcome).toEqual({
      ok: false,
      error: {
        errorType: "Sandbox.Timedout",
        errorMessage: `RequestId: ${requestId} Error: Task timed out after 0.10 seconds`,
      },
    });
    expect(await invoke(one, { quick: true })).toEqual(returned("quick"));
    const said = one.output();
    await invoke(one, { quick: true });
    expect(one.output()).toBe(said);
  });

  it("is ended even in a loop that never yields", async () => {
    const one = fixture("export const handler = () => { for (;;); };", { timeoutMs: 100 });
    expect(await invoke(one)).toMatchObject({ error: { errorType: "Sandbox.Timedout" } });
  });

  it("is ended when it wants more memory than it has, without taking others along", async () => {
    const greedy = `export const handler = (event) => {
      const held = [];
      while (event.greedy) held.push(new Array(1e5).fill(held.length));
      return "modest";
    };`;
    const one = fixture(greedy, { memoryMiB: 20 });
    expect(await invoke(one, { greedy: true })).toMatchObject({ ok: false });
    expect(await invoke(one)).toEqual(returned("modest"));
  });

  it.each([
    ["ends its process", "export const handler = () => process.exit(3);", "Runtime.ExitError"],
    [
      "leaves a rejection unhandled",
      `export const handler = () => { Promise.reject(new TypeError("lost")); return new Promise(() => {}); };`,
      "TypeError",
    ],
    ["does not load", "export const handler = ;", "SyntaxError"],
    ["lacks its handler", "export const other = 1;", "Error"],
  ])("answers an error when it %s", async (_, source, errorType) => {
    expect(await invoke(fixture(source))).toMatchObject({ ok: false, error: { errorType } });
  });

  it("is refused an answer over 6 MiB", async () => {
    const one = fixture(`export const handler = () => "x".repeat(6 * 1024 * 1024);`);
    expect(await invoke(one)).toMatchObject({
      error: { errorType: "Function.ResponseSizeTooLarge" },
    });
  });
});

describe("the workers of a function", () => {
  const concurrent = `
    let running = 0;
    const worker = crypto.randomUUID();
    export const handler = async (event) => {
      running += 1;
      const seen = running;
      if (event.waitMs) await new Promise((resolve) => setTimeout(resolve, event.waitMs));
      running -= 1;
      return { seen, worker };
    };`;
  const read = (outcome: { readonly ok: boolean }) =>
    JSON.parse("payload" in outcome ? String(outcome.payload) : "null");

  it("run one invocation at a time each, as many as there may be side by side", async () => {
    const one = fixture(concurrent, { concurrencyMax: 2 });
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => invoke(one, { waitMs: 30 })),
    );
    const answers = outcomes.map(read);
    expect(answers.map(({ seen }) => seen)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(new Set(answers.map(({ worker }) => worker)).size).toBe(2);
  });

  it("P1 serve a burst between them, without a worker for each invocation", async () => {
    const one = fixture(concurrent, { concurrencyMax: 30 });
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => invoke(one)));
    expect(new Set(outcomes.map(read).map(({ worker }) => worker)).size).toBeLessThan(5);
  });

  it("P2 are not joined by another while no core is to spare", async () => {
    const one = fixture(concurrent, { spareCore: () => new Promise(() => {}) });
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => invoke(one, { waitMs: 5 })));
    const answers = outcomes.map(read);
    expect(answers.map(({ seen }) => seen)).toEqual([1, 1, 1, 1]);
    expect(new Set(answers.map(({ worker }) => worker)).size).toBe(1);
  });

  it("P2 are joined by others once a core is to spare", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const one = fixture(concurrent, { spareCore: () => promise, concurrencyMax: 3 });
    const held = Array.from({ length: 2 }, () => invoke(one, { waitMs: 60_000 }));
    const third = invoke(one);
    resolve();
    expect(await third).toMatchObject({ ok: true });
    await one.pool.stop(0);
    expect(await Promise.all(held)).toMatchObject([{ ok: false }, { ok: false }]);
  });

  it("P2 are joined by others when they hold on to what they serve, core or not", async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<() => boolean>();
    const spareCore = async ({ isEnough }: { readonly isEnough: () => boolean }) => {
      ask(isEnough);
      await expect.poll(isEnough, { timeout: 5_000 }).toBe(true);
    };
    const one = fixture(concurrent, { spareCore, concurrencyMax: 2 });
    const held = invoke(one, { waitMs: 60_000 });
    const second = invoke(one);
    expect((await asked)()).toBe(false);
    expect(await second).toMatchObject({ ok: true });
    await one.pool.stop(0);
    expect(await held).toMatchObject({ ok: false });
  });

  it("P3 that cannot be loaded answer every invocation that waits", async () => {
    const one = fixture("throw new TypeError('broken');", { concurrencyMax: 2 });
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => invoke(one)));
    expect(outcomes).toEqual(
      Array(5).fill({ ok: false, error: expect.objectContaining({ errorType: "TypeError" }) }),
    );
  });

  it("are used again while they are warm", async () => {
    const one = fixture(concurrent);
    const first = read(await invoke(one));
    expect(read(await invoke(one)).worker).toBe(first.worker);
  });

  it("answer what waits and what runs when they are stopped", async () => {
    const one = fixture(concurrent, { concurrencyMax: 1 });
    const running = invoke(one, { waitMs: 60_000 });
    const waiting = invoke(one);
    await one.pool.stop(0);
    expect(await running).toMatchObject({ ok: false });
    expect(await waiting).toMatchObject({ ok: false, error: { errorType: "Runtime.Stopped" } });
    expect(await invoke(one)).toMatchObject({ ok: false });
  });
});
