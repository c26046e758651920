import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CommandSource } from "../../agent/command-source.ts";
import { sqsCommandSource } from "../../agent/sqs-command-source.ts";
import { SessionAnswer } from "../../shared/model/agent-protocol.ts";
import { HostId } from "../../shared/model/ids.ts";
import { openWireQueues, type QueueWorld } from "../contract/queue-world.ts";
import { aCommand } from "../support/agent/commands.ts";

const HOST = HostId.parse("host-1");

let world: QueueWorld;
let queueUrl: string;
let source: CommandSource;
beforeEach(async () => {
  world = await openWireQueues();
  queueUrl = await world.commandQueues.create({ hostId: HOST, generation: 1 });
  source = sqsCommandSource(await granted(queueUrl));
});
afterEach(async () => {
  vi.useRealTimers();
  source.close();
  await world.close();
});

/** What a session would hand to the agent for that queue. */
async function granted(commandQueueUrl: string): Promise<SessionAnswer> {
  const cut = await world.commandQueues.credentials({ hostId: HOST, queueUrl });
  return SessionAnswer.parse({
    bootOrdinal: 1,
    commandQueueUrl,
    ...world.commandQueues.access,
    credentials: { ...cut, expiresAt: new Date(cut.expiresAt).toISOString() },
    reportIntervalSeconds: 60,
    leaseSeconds: 300,
    selfFence: false,
    now: new Date(world.now()).toISOString(),
  });
}

const never = new AbortController().signal;

test("commands of many VMs come in one look, each VM's first one until it is deleted", async () => {
  const commands = [1, 2, 3].map((vm) => aCommand({ commandId: `c${vm}`, vm }));
  for (const command of commands) await world.commandQueues.send(queueUrl, command);
  const received = await source.receive(never);
  if (received.status !== "received") throw new Error(received.detail);
  expect(received.messages.map(({ body }) => JSON.parse(body))).toEqual(commands);
  await source.remove(received.messages.map(({ receipt }) => receipt));
  expect(await world.receiveAll(queueUrl)).toEqual([]);
});

test("a look waits for a command that comes meanwhile", async () => {
  const received = source.receive(never);
  await world.commandQueues.send(queueUrl, aCommand({ commandId: "c1" }));
  expect(await received).toMatchObject({ status: "received", messages: [{}] });
});

test("a look that is called off ends at once", async () => {
  const stop = new AbortController();
  const received = source.receive(stop.signal);
  stop.abort();
  expect(await received).toMatchObject({ status: "unavailable" });
});

test("another host's queue, and one that is gone, are no access", async () => {
  const other = HostId.parse("host-2");
  const otherUrl = await world.commandQueues.create({ hostId: other, generation: 1 });
  const stranger = sqsCommandSource(await granted(otherUrl));
  expect(await stranger.receive(never)).toMatchObject({ status: "no_access" });
  stranger.close();
  await world.commandQueues.remove(queueUrl);
  expect(await source.receive(never)).toMatchObject({ status: "no_access" });
});

test("what could not be deleted is an error", async () => {
  await expect(source.remove(["no-such-receipt"])).rejects.toThrow(/not deleted/);
});

/** An endpoint of SQS that does with a request what a test says. */
async function endpointWhere(answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : "";
  return {
    server,
    source: sqsCommandSource({
      ...(await granted(queueUrl)),
      endpoint: `http://127.0.0.1:${port}`,
    }),
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test("a connection that answers nothing any more is given up, so that the next look can find a better one", async () => {
  using silent = await endpointWhere(() => {});
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const received = silent.source.receive(never);
  await once(silent.server, "request");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await received).toMatchObject({ status: "unavailable" });
  silent.source.close();
});

test("a clock that is an hour wrong needs no new session: the next look is signed by the server's time", async () => {
  const serverNow = () => Date.now() + 3_600_000;
  using ahead = await endpointWhere((request, response) => {
    const signedAt = String(request.headers["x-amz-date"]).replace(
      /^(....)(..)(..T..)(..)/,
      "$1-$2-$3:$4:",
    );
    const isFresh = Math.abs(Date.parse(signedAt) - serverNow()) < 300_000;
    response.writeHead(isFresh ? 200 : 403, {
      "content-type": "application/x-amz-json-1.0",
      date: new Date(serverNow()).toUTCString(),
    });
    response.end(
      JSON.stringify(isFresh ? {} : { __type: "SignatureDoesNotMatch", message: "expired" }),
    );
  });
  expect(await ahead.source.receive(never)).toMatchObject({ status: "unavailable" });
  expect(await ahead.source.receive(never)).toEqual({ status: "received", messages: [] });
  ahead.source.close();
});
