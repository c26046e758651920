import { describe, expect, it } from "vitest";
import { layToRest } from "../../../shared/core/gone.ts";
import { openTurn } from "../../../shared/core/turn.ts";
import { registry } from "../../../shared/work/registry.ts";
import { aRecord, settings, T0 } from "../../support/a-record.ts";

describe("a VM that is gone", () => {
  it.each([7, 90])("keeps its record as long as history is kept: %i days (1)", (days) => {
    const turn = layToRest(
      openTurn(aRecord({ vm: { state: "Expunging" } }), {
        facts: { candidates: [], hosts: new Map(), jobs: new Map() },
        settings: { ...settings, historyRetentionDays: days },
        work: registry,
        now: T0,
      }),
    );
    expect(turn.record).toMatchObject({ gone: { at: T0, keptUntil: T0 + days * 86_400_000 } });
  });
});
