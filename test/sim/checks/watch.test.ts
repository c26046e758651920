import { describe, expect, it } from "vitest";
import type { ApartmentRecord } from "../../../shared/model/apartment-record.ts";
import { CommandId, LogicalId } from "../../../shared/model/ids.ts";
import { type Call, startWatch } from "../../../sim/checks/watch.ts";
import { aRecord, hostId, jobIdOf, vmId } from "../../support/a-record.ts";

const submit = LogicalId.parse(`submit:${jobIdOf(1)}`);
const commandId = CommandId.parse(`${vmId}.2.0`);

function aCall(name: string, by = "apartment", brings: readonly string[] = [submit]): Call {
  const batch = new Map([[vmId, { messageIds: ["message-1"], logicalIds: new Set(brings) }]]);
  const worker = {
    id: 1,
    name: by,
    startedAt: 0,
    skewMs: 0,
    isDead: false,
    isLate: false,
    onDeath: () => {},
  };
  return { name, worker: { ...worker, batch } };
}

/** A watch that has seen the apartment made. */
function watched() {
  const watch = startWatch(() => {});
  watch.written(aCall("submissions.accept", "api-vms"), aRecord());
  const commit = (
    version: number,
    parts: Partial<ApartmentRecord>,
    call = aCall("apartments.commit"),
  ) => watch.written(call, { ...aRecord(), version, ...parts });
  return { watch, commit, broke: () => watch.violation()?.invariant };
}

describe("the watch over a simulation", () => {
  it("is content with turns that apply what their batch brings", () => {
    const { commit, broke } = watched();
    commit(2, { applied: [submit] });
    commit(3, { applied: [submit] });
    expect(broke()).toBeUndefined();
  });

  it("A3 sees a message applied twice, and one that no batch brought", () => {
    const twice = watched();
    twice.commit(2, { applied: [submit] });
    twice.commit(3, { applied: [] });
    twice.commit(4, { applied: [submit] });
    expect(twice.broke()).toBe("A3");
    const foreign = watched();
    foreign.commit(2, { applied: [LogicalId.parse("message-1")] });
    expect(foreign.broke()).toBe("A3");
  });

  it("A5 sees a record written by what takes no turn, or by no commit", () => {
    const sweeper = watched();
    sweeper.commit(2, {}, aCall("apartments.commit", "sweeper"));
    expect(sweeper.broke()).toBe("A5");
    const projection = watched();
    projection.commit(2, {}, aCall("jobs.project"));
    expect(projection.broke()).toBe("A5");
  });

  it("A6 sees a start take effect that counts as settled, and none that does not", () => {
    const start = { hostId, vmId, commandId };
    const settled = watched();
    settled.watch.turnsOn(start);
    expect(settled.broke()).toBe("A6");
    const { watch, commit, broke } = watched();
    commit(2, { unsettled: [{ commandId, hostId, epoch: 1, jobId: jobIdOf(1), verb: "start" }] });
    watch.turnsOn(start);
    expect(broke()).toBeUndefined();
    watch.turnsOn(start);
    expect(broke()).toBe("once");
  });

  it("sees a projection that counts twice", () => {
    const { watch, broke } = watched();
    watch.projected("job 1 2");
    expect(broke()).toBeUndefined();
    watch.projected("job 1 2");
    expect(broke()).toBe("once");
  });

  it("keeps what broke first", () => {
    const { watch, broke } = watched();
    watch.broken("room", "first");
    watch.broken("A1", "then");
    expect(broke()).toBe("room");
  });
});
