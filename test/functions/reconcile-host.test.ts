import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { hostReconciler } from "../../functions/reconcile-host.ts";
import { ingestReport } from "../../shared/app/ingest-report.ts";
import { aHostInSession, aReport, listed, okValue } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";

describe("the reports' function", () => {
  it("works off an event as the bus hands it over", async () => {
    const world = aWorld();
    const caller = await aHostInSession(world);
    okValue(await ingestReport(world.deps, { caller, report: aReport() }));
    const event = world.memory.bus.events.at(-1);
    const { topic, id, detail } = event ?? {};
    // Through JSON, with what the bus puts around it.
    const handed = JSON.parse(JSON.stringify({ ...detail, topic, id, at: "2027-01-15T08:00:00Z" }));
    await hostReconciler(world.deps)({ detail: handed });
    expect(world.taken().map(({ to }) => to)).toEqual([listed(1).vmId]);
  });

  it.each([{}, null, "x", { hostId: "host-a" }])(
    "throws on an event that is no report's, so that it is kept: %j",
    async (detail) => {
      const { deps } = aWorld();
      await expect(async () => hostReconciler(deps)({ detail })).rejects.toThrow();
    },
  );
});
