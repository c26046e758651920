import { describe, expect, it } from "vitest";
import { aRecord, hostId } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

describe("incidents of a VM", () => {
  it("are not told of when one turn both opens and resolves them: the two effects would have no order", () => {
    const running = aRecord({ vm: { state: "Running", hostId } });
    const run = new OneJob(running, { type: "vm.stop", input: { forced: true } });
    const poweroff = run.command;
    run.silence(); // the power-off is not answered: the host is asked, for a minute
    expect(run.command.call.verb).toBe("probe");
    run.now += 60_000;
    run.hear(
      run.resultOf(run.command, { status: "failed", code: "timeout" }),
      run.resultOf(poweroff, { status: "done", power: "off" }),
    );
    expect(run.ended?.error?.code).toBe("unconfirmed_stop");
    expect(run.record.openIncidents).toEqual([]);
    expect(run.effects("open-incident")).toEqual([]);
    expect(run.effects("resolve-incident")).toEqual([]);
  });
});
