import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { lease } from "../../agent/lease.ts";
import { manualTime } from "../support/agent/manual-time.ts";

const GRANT = { reportSentAtMs: 0, leaseSeconds: 30, selfFence: true };

function newLease() {
  return lease({
    time: manualTime(),
    machineBootId: "machine-1",
    stored: undefined,
    store: () => {},
  });
}

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
