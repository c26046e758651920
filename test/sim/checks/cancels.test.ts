import { expect, it } from "vitest";
import { cancels } from "../../../sim/checks/cancels.ts";
import { aRecord, jobIdOf, T0 } from "../../support/a-record.ts";
import { OneJob } from "../../support/one-job.ts";

it.each([
  ["before its worker began", -1, ["A3"]],
  ["while its worker was at it", 1, []],
])("a job that begins was called off %s", (_, calledOffAfterMs, expected) => {
  const broken: string[] = [];
  let now = T0 + calledOffAfterMs;
  const watching = cancels(
    () => now,
    (invariant) => broken.push(invariant),
  );
  watching.carriedOut(`cancel ${jobIdOf(1)}`);
  now = T0 + 100;
  watching.carriedOut(`cancel ${jobIdOf(1)}`); // again: it was called off by the first
  const run = new OneJob(aRecord(), { type: "vm.start" });
  watching.committed({ startedAt: T0 }, aRecord(), run.record);
  watching.committed({ startedAt: T0 + 200 }, run.record, run.record);
  expect(broken).toEqual(expected);
});
