/**
 * A9: the real work types, each asked twice for everything. What they are given comes frozen from the tables; what they answer
 * must be a function of it.
 */
import type {
  AnyWorkType,
  HostWorkType,
  WorkRegistry,
  WorkType,
} from "../../shared/core/work-type.ts";
import { registry } from "../../shared/work/registry.ts";
import { errand } from "../errand-work.ts";
import { awaitWord } from "../listening-work.ts";
import type { Broken } from "./violation.ts";

export function pureRegistry(broken: Broken): WorkRegistry {
  const twice = <T>(name: string, answer: () => T): T => {
    const one = answer();
    if (JSON.stringify(answer()) !== JSON.stringify(one))
      broken("A9", `${name} answers the same question in two ways`);
    return one;
  };
  return new Map(
    [...registry, ...[awaitWord, errand].map((work) => [work.name, work] as const)].map(
      ([name, work]) => [name, pure(work, (answer) => twice(name, answer))],
    ),
  );
}

type Twice = <T>(answer: () => T) => T;

function pure(work: AnyWorkType, twice: Twice): AnyWorkType {
  return work.subject === "vm" ? pureOfVm(work, twice) : pureOfHost(work, twice);
}

function pureOfVm(work: WorkType, twice: Twice): WorkType {
  return {
    ...work,
    begin: (context) => twice(() => work.begin(context)),
    resume: (context, wakeup) => twice(() => work.resume(context, wakeup)),
  };
}

function pureOfHost(work: HostWorkType, twice: Twice): HostWorkType {
  return {
    ...work,
    begin: (context) => twice(() => work.begin(context)),
    resume: (context, wakeup) => twice(() => work.resume(context, wakeup)),
  };
}
