import { describe, expect, it } from "vitest";
import { type JobId, LogicalId } from "../../../shared/model/ids.ts";
import { byName } from "../../../shared/work/registry.ts";
import { effectName } from "../../../sim/checks/effect-name.ts";
import { joins } from "../../../sim/checks/joins.ts";
import { errand } from "../../../sim/errand-work.ts";
import { aRecord, jobIdOf, vmId } from "../../support/a-record.ts";
import { vmIdOf } from "../../support/joined-host.ts";
import { OneJob } from "../../support/one-job.ts";

const own = jobIdOf(1);
const others = jobIdOf(9);

/** A job that has started one in another VM and joined another's, watched. */
function aJoin() {
  const broken: string[] = [];
  const over = new Set<JobId>();
  const watching = joins(
    (jobId) => over.has(jobId),
    (invariant) => broken.push(invariant),
  );
  const input = { start: [{ vmId: vmIdOf(1), verb: "start" }], jobs: [others], until: "all" };
  const run = new OneJob(aRecord(), { type: errand.name, input }, { work: byName([errand]) });
  watching.committed(aRecord(), run.record);
  const [started] = run.effects("new-job").map(({ job }) => job.id);
  if (started === undefined) throw new Error("it started none");
  const tell = (logicalId: string, to: string = vmId) =>
    watching.carriedOut(`message ${to} ${logicalId}`);
  return { broken, over, watching, run, started, tell };
}

describe("who joined a job", () => {
  it("is to be told once it has ended, and not before", () => {
    const { over, watching, started, tell } = aJoin();
    expect(watching.untold()).toBeUndefined();
    over.add(started);
    expect(watching.untold()).toContain(started);
    tell(`ended:${own}:${started}`, vmIdOf(7));
    tell(`ended:${jobIdOf(2)}:${started}`);
    expect(watching.untold()).toContain(started);
    tell(`ended:${own}:${started}`);
    expect(watching.untold()).toBeUndefined();
  });

  it("is told as well that it may not wait", () => {
    const { over, watching, tell } = aJoin();
    over.add(others);
    tell(`join-refused:${jobIdOf(2)}:${others}`);
    expect(watching.untold()).toContain(others);
    tell(`join-refused:${own}:${others}`);
    expect(watching.untold()).toBeUndefined();
  });

  it("takes no job for ended that goes on", () => {
    const { broken, over, watching, run } = aJoin();
    const { active } = run.record;
    if (active === undefined) throw new Error("it has ended");
    const joined = active.joined?.map((each) => ({ ...each, end: "ended" as const }));
    const next = { ...run.record, active: { ...active, joined } };
    over.add(others);
    watching.committed(run.record, next);
    expect(broken).toEqual(["wake_up"]);
  });

  it("names its messages as they are sent", () => {
    const logicalId = LogicalId.parse(`ended:${own}:${others}`);
    const message = { v: 1, logicalId, body: { kind: "job-ended", jobId: others } } as const;
    expect(effectName({ kind: "message", to: vmId, message })).toBe(`message ${vmId} ${logicalId}`);
  });
});
