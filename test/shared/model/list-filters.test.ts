import { expect, test } from "vitest";
import { shownObservation, vmMatches } from "../../../shared/model/list-filters.ts";
import { aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";

const observation = (power: "on" | "off", receivedAt: number) => ({
  ...{ bootOrdinal: 1, seq: 1, power, receivedAt },
});
const observations = {
  [hostId]: observation("on", T0),
  [otherHostId]: observation("off", T0 + 1),
};

test("a VM is shown as its own host sees it, however old that is", () => {
  const shown = shownObservation(aRecord({ vm: { hostId }, observations }));
  expect(shown).toEqual({ hostId, observation: observation("on", T0) });
});

test("without a host, or before that host spoke, it is shown as last seen anywhere", () => {
  const latest = { hostId: otherHostId, observation: observation("off", T0 + 1) };
  expect(shownObservation(aRecord({ observations }))).toEqual(latest);
  const only = { [otherHostId]: observation("off", T0 + 1) };
  expect(shownObservation(aRecord({ vm: { hostId }, observations: only }))).toEqual(latest);
});

test("a VM of which nobody said anything is unknown, not off", () => {
  expect(shownObservation(aRecord())).toBeUndefined();
  expect(vmMatches(aRecord(), { powerState: "unknown" })).toBe(true);
  expect(vmMatches(aRecord(), { powerState: "off" })).toBe(false);
});
