import { describe, expect, it } from "vitest";
import { disagreement } from "../../../shared/core/agreement.ts";
import type { Power } from "../../../shared/model/power.ts";
import type { VmState } from "../../../shared/model/vm.ts";
import { aRecord, hostId, otherHostId, T0 } from "../../support/a-record.ts";

type Here = Power | "nothing" | "nowhere";
const HERE: readonly Here[] = [
  "on",
  "off",
  "paused",
  "crashed",
  "unknown",
  "missing",
  "nothing",
  "nowhere",
];
const ELSEWHERE: readonly (Power | "nothing")[] = [
  "nothing",
  "off",
  "crashed",
  "missing",
  "on",
  "paused",
  "unknown",
];

/** What the VM's own host must say, with nobody else claiming it; `never`: no VM rests in that state. */
const WELL: Readonly<Record<VmState, Here | "never">> = {
  Stopped: "nowhere",
  Running: "on",
  Suspended: "paused",
  Destroyed: "nowhere",
  Expunging: "nowhere",
  Error: "nowhere",
  Starting: "never",
  Stopping: "never",
  Migrating: "never",
  Unknown: "never",
};
/** What another host may say of a VM that it has not. */
const NO_CLAIM: ReadonlySet<string> = new Set(["nothing", "off", "crashed", "missing"]);

const said = (power: Power | "nothing", at: string) =>
  power === "nothing" ? {} : { [at]: { bootOrdinal: 1, seq: 1, power, receivedAt: T0 } };

const cases = Object.entries(WELL).flatMap(([state, well]) =>
  HERE.flatMap((here) =>
    ELSEWHERE.map((elsewhere) => ({
      state: state as VmState,
      here,
      elsewhere,
      agree: here === well && NO_CLAIM.has(elsewhere),
    })),
  ),
);

describe("record and last words", () => {
  it.each(cases)("$state, its host: $here, another: $elsewhere → $agree", (given) => {
    const { state, here, elsewhere, agree } = given;
    const record = {
      ...aRecord({ vm: { state, ...(here === "nowhere" ? {} : { hostId }) } }),
      observations: {
        ...(here === "nowhere" ? {} : said(here, hostId)),
        ...said(elsewhere, otherHostId),
      },
    };
    expect(disagreement(record) === undefined).toBe(agree);
  });

  it.each(["split_brain", "unconfirmed_stop", "zombie"] as const)(
    "do not agree while %s is open: somebody looks until it is not",
    (kind) => {
      const record = aRecord({ openIncidents: [{ id: `${kind}.1` as never, kind }] });
      expect(disagreement(record)).toContain(kind);
    },
  );

  it("agree in spite of incidents that only tell what happened", () => {
    const kind = "out_of_band_power_off";
    const record = aRecord({ openIncidents: [{ id: `${kind}.1` as never, kind }] });
    expect(disagreement(record)).toBeUndefined();
  });
});
