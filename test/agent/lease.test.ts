import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { lease } from "../../agent/lease.ts";
import type { LeaseRecord } from "../../shared/model/agent-state.ts";
import { manualTime } from "../support/agent/manual-time.ts";

const GRANT = { reportSentAtMs: 0, leaseSeconds: 30, selfFence: true };

function newLease(time = manualTime(), stored?: LeaseRecord) {
  return lease({
    time,
    machineBootId: "machine-1",
    stored,
    store: () => {},
  });
}

test("1: the grant of an earlier report, accepted late, takes nothing from that of a later one", () => {
  const held = newLease();
  held.renew({ ...GRANT, reportSentAtMs: 20_000 });
  held.renew(GRANT);
  expect(held.remainingMs()).toBe(50_000);
});

test.each([
  ["is gone on with by the next process", "machine-1", 30_000],
  ["of a machine that was started anew means nothing", "machine-0", undefined],
])("2: what is left of it %s", (_, machineBootId, remainingMs) => {
  expect(newLease(manualTime(), { ...GRANT, machineBootId }).remainingMs()).toBe(remainingMs);
});

test("4: it begins with the first report that was accepted, or at the signal", async () => {
  const [granted, stopped] = [newLease(), newLease()];
  const stop = new AbortController();
  const begun = Promise.all([granted.begun(stop.signal), stopped.begun(stop.signal)]);
  granted.renew(GRANT);
  stop.abort();
  await begun;
});

test("asking for it at each poll leaves nothing on the signal", async () => {
  const { signal } = new AbortController();
  const held = newLease();
  held.renew(GRANT);
  for (let polls = 0; polls < 3; polls += 1) await held.begun(signal);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("its end is told when it comes, however often it was renewed, and nothing looks before", async () => {
  const time = manualTime();
  const held = newLease(time);
  let hasEnded = false;
  void held.ended(new AbortController().signal).then(() => {
    hasEnded = true;
  });
  expect(time.waiting()).toBe(0);
  held.renew(GRANT);
  await time.advance(20_000);
  held.renew({ ...GRANT, reportSentAtMs: 20_000 });
  expect(time.waiting()).toBe(1);
  await time.advance(29_999);
  expect(hasEnded).toBe(false);
  await time.advance(1);
  expect(hasEnded).toBe(true);
  expect(time.waiting()).toBe(0);
});

test("a grant of less time brings its end nearer", async () => {
  const time = manualTime();
  const held = newLease(time);
  held.renew(GRANT);
  const ended = held.ended(new AbortController().signal).then(time.monotonicNow);
  held.renew({ ...GRANT, reportSentAtMs: 1, leaseSeconds: 10 });
  await time.advance(60_000);
  expect(await ended).toBe(10_001);
});

test("where none is kept its end does not come; whoever waits for it stops at the signal", async () => {
  const time = manualTime();
  const held = newLease(time);
  held.renew({ ...GRANT, selfFence: false });
  const stop = new AbortController();
  const ended = held.ended(stop.signal);
  await time.advance(60_000);
  expect(held.remainingMs()).toBeUndefined();
  stop.abort();
  await ended;
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
});
