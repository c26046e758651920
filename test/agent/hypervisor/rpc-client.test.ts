import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  allStates,
  nodeInfo,
  readEvent,
  stateOf,
} from "../../../agent/hypervisor/libvirt-calls.ts";
import {
  ConnectionLost,
  connectRpc,
  LibvirtError,
  type RpcConnection,
} from "../../../agent/hypervisor/rpc-client.ts";
import { VmId } from "../../../shared/model/ids.ts";
import { type FakeLibvirtd, fakeLibvirtd, reply } from "../../support/agent/fake-libvirtd.ts";

const ID = VmId.parse("11111111-2222-4333-8444-555555555555");
/** Bodies as libvirt 9.0.0 sent them: the name, the UUID and the id of the domain above are in them. */
const NAME = "0000002431313131313131312d323232322d343333332d383434342d353535353535353535353535";
const DOMAIN = `${NAME}11111111222243338444555555555555`;
const RECORDED = {
  states: `00000001${DOMAIN}00000001000000020000000b73746174652e73746174650000000001000000010000000c73746174652e726561736f6e0000000100000001`,
  state: "0000000100000001",
  event: `0000006420008086000000010000013e000000020000000100000000000000${"00"}${DOMAIN}000000010000000400000000`,
};

let daemon: FakeLibvirtd;
let rpc: RpcConnection;
let events: (VmId | undefined)[];
beforeEach(async () => {
  daemon = await fakeLibvirtd();
  events = [];
  rpc = await connectRpc({
    socketPath: daemon.socketPath,
    signal: new AbortController().signal,
    onEvent: (procedure, body) => events.push(readEvent(procedure, body)?.vmId),
  });
});
afterEach(async () => {
  rpc.close();
  await daemon.stop();
});

test("a listing as libvirt sent it is read", async () => {
  daemon.answer = () => ({ body: Buffer.from(RECORDED.states, "hex") });
  expect(await allStates(rpc)).toEqual([{ vmId: ID, name: ID, state: 1, reason: 1 }]);
});

test("a domain is asked for by its UUID, as libvirt was asked", async () => {
  daemon.answer = () => ({ body: Buffer.from(RECORDED.state, "hex") });
  expect(await stateOf(rpc, ID)).toEqual({ state: 1, reason: 1 });
  expect(daemon.calls[0]).toMatchObject({ procedure: 212, serial: 1 });
  expect(daemon.calls[0]?.body.toString("hex")).toBe(`${DOMAIN}ffffffff00000000`);
});

test("the machine's size is after 32 characters of four bytes each", async () => {
  const body = Buffer.alloc(32 * 4 + 8 + 6 * 4);
  body.writeBigInt64BE(6_252_760n, 32 * 4);
  body.writeInt32BE(2, 32 * 4 + 8);
  daemon.answer = () => ({ body });
  expect(await nodeInfo(rpc)).toEqual({ memoryKiB: 6_252_760, cpus: 2 });
});

test("an event as libvirt sent it names its domain, however the stream is cut", async () => {
  const bytes = Buffer.from(RECORDED.event, "hex");
  daemon.answer = () => {
    for (const byte of bytes) daemon.send(Buffer.from([byte]));
    daemon.send(Buffer.concat([bytes, bytes]));
    return { body: Buffer.from(RECORDED.state, "hex") };
  };
  await stateOf(rpc, ID);
  expect(events).toEqual([ID, ID, ID]);
});

test("answers find their calls in any order", async () => {
  const held: Parameters<FakeLibvirtd["answer"]>[0][] = [];
  daemon.answer = (call) => {
    held.push(call);
    if (held.length === 3)
      for (const one of held.toReversed()) {
        const body = Buffer.alloc(8);
        body.writeInt32BE(one.serial, 0);
        daemon.send(reply(one, { body }));
      }
    return "silence";
  };
  const states = await Promise.all([stateOf(rpc, ID), stateOf(rpc, ID), stateOf(rpc, ID)]);
  expect(states.map(({ state }) => state)).toEqual([1, 2, 3]);
});

test("an error keeps libvirt's code and text", async () => {
  daemon.answer = () => ({ code: 42, message: "Domain not found" });
  const asked = stateOf(rpc, ID);
  await expect(asked).rejects.toThrow(LibvirtError);
  await expect(asked).rejects.toMatchObject({ code: 42, message: "Domain not found" });
});

test("calls under way end with the connection, and later ones at once", async () => {
  const asked = stateOf(rpc, ID);
  daemon.answer = () => {
    daemon.drop();
    return "silence";
  };
  await expect(asked).rejects.toThrow(ConnectionLost);
  await expect(stateOf(rpc, ID)).rejects.toThrow(ConnectionLost);
  expect(await rpc.ended).not.toBe("");
});

test.each([
  ["a length below the header", "00000004"],
  ["a length beyond any message", "7fffffff"],
  ["a header without its end", "0000001c20008086000000010000013e00000002000000010000000000000000"],
])("%s ends the connection", async (_, hex) => {
  daemon.answer = () => {
    daemon.send(Buffer.from(hex, "hex"));
    return "silence";
  };
  await expect(stateOf(rpc, ID)).rejects.toThrow(ConnectionLost);
});

test("a socket that is not there is a lost connection with its reason", async () => {
  const signal = new AbortController().signal;
  const connecting = connectRpc({ socketPath: "/nowhere/sock", signal, onEvent: () => {} });
  await expect(connecting).rejects.toThrow(ConnectionLost);
  await expect(connecting).rejects.toThrow(/ENOENT/);
});

test("a connection that ended, or was never had, leaves nothing on the signal that it was given", async () => {
  const { signal } = new AbortController();
  const { socketPath } = daemon;
  const onEvent = () => {};
  const brief = await connectRpc({ socketPath, signal, onEvent });
  brief.close();
  await brief.ended;
  await expect(connectRpc({ socketPath: "/nowhere", signal, onEvent })).rejects.toThrow(/ENOENT/);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("a connecting that is called off is lost", async () => {
  const { socketPath } = daemon;
  const connecting = connectRpc({ socketPath, signal: AbortSignal.abort(), onEvent: () => {} });
  await expect(connecting).rejects.toThrow(ConnectionLost);
});
