/** All functions of the stack running: their pools, and what invokes them from queues and bus. */
import { availableParallelism } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { CallRecorder } from "./call-counter.ts";
import type { BusEngine } from "./engine/bus-engine.ts";
import type { EngineClock } from "./engine/clock.ts";
import type { QueueEngine } from "./engine/queue-engine.ts";
import { invokeAsynchronously } from "./lambda/asynchronous.ts";
import { startEventSource } from "./lambda/event-source.ts";
import { type FunctionPool, functionPool, type Invoked } from "./lambda/function-pool.ts";
import { startRuleTargets } from "./lambda/rule-targets.ts";
import { spareCore } from "./lambda/spare-core.ts";
import { type Turnstile, turnstile } from "./lambda/turnstile.ts";
import type { LogFiles } from "./log-files.ts";
import { isAllowed } from "./permissions.ts";
import { type RuntimeSite, runtimeEnvironment } from "./runtime-environment.ts";
import type { StackModel } from "./template/stack-model.ts";
import { TemplateError } from "./template/template.ts";

export interface Functions {
  readonly invoke: (functionName: string, event: string) => Promise<Invoked>;
  /** Resolves with the reason when queues or bus will invoke nothing any more. */
  readonly broken: Promise<Error>;
  /** Ends what is under way within the grace, or leaves it to queue and bus. */
  readonly stop: (graceMs: number) => Promise<void>;
}

export interface FunctionsProps {
  readonly model: StackModel;
  readonly site: RuntimeSite;
  readonly accountId: string;
  readonly queues: QueueEngine;
  readonly bus: BusEngine;
  readonly clock: EngineClock;
  readonly logs: LogFiles;
  readonly calls: CallRecorder;
  /** See `FunctionWorkerProps`. */
  readonly execArgv?: readonly string[] | undefined;
}

/** Of one function: callers that wait for a job's end (20 s) hold a worker each. About 30 MiB each. */
const WORKERS_MAX = 32;
/**
 * Batches of one queue at a time. A batch's apartments take their turns side by side, so that as many as there are cores keep
 * them busy; more would cut the batches smaller and keep more copies of the code warm.
 */
const BATCHES_MAX = Math.max(2, availableParallelism());
const STACK_LOG = "stack";

export function startFunctions(props: FunctionsProps): Functions {
  const { model, queues, bus, clock, logs, site } = props;
  const starts = turnstile(availableParallelism());
  const pools = new Map(model.functions.map((one) => [one.name, poolOf(props, one, starts)]));
  const poolNamed = (name: string): FunctionPool => {
    const pool = pools.get(name);
    if (pool === undefined) throw new TemplateError(`there is no function ${name}`);
    return pool;
  };
  for (const { functionName } of model.api.routes) poolNamed(functionName);
  const onFailure = (text: string) => logs.write(STACK_LOG, text);
  const stopping = new AbortController();
  const { promise: broken, resolve: onBroken } = Promise.withResolvers<Error>();

  const sources = model.mappings.map((mapping) =>
    startEventSource({
      mapping,
      queues,
      pool: poolNamed(mapping.functionName),
      region: site.region,
      batchesMax: BATCHES_MAX,
      onFailure,
      onBroken,
    }),
  );
  const byArn = new Map(model.functions.map((one) => [one.arn, one]));
  const targets = startRuleTargets({
    bus,
    clock,
    onFailure,
    onBroken,
    invoke: async (arn, event) => {
      const target = byArn.get(arn);
      if (target === undefined) throw new TemplateError(`there is no function ${arn}`);
      const pool = poolNamed(target.name);
      const pause = (ms: number) => wait(ms, undefined, { signal: stopping.signal });
      await invokeAsynchronously(
        { model: target, pool, queues, now: clock.now, wait: pause, onFailure },
        event,
      );
    },
  });

  return {
    broken,
    invoke: (name, event) => poolNamed(name).invoke(event),
    stop: async (graceMs) => {
      const ended = [targets.stop(), ...sources.map((source) => source.stop())];
      stopping.abort();
      await Promise.all([...pools.values()].map((pool) => pool.stop(graceMs)));
      await Promise.all(ended);
    },
  };
}

function poolOf(
  { site, logs, calls, accountId, execArgv }: FunctionsProps,
  model: StackModel["functions"][number],
  starts: Turnstile,
): FunctionPool {
  const { region } = site;
  return functionPool({
    model,
    environment: runtimeEnvironment(site, model),
    execArgv,
    concurrencyMax: Math.min(WORKERS_MAX, model.reservedConcurrency ?? WORKERS_MAX),
    starts,
    spareCore,
    onOutput: (output) => logs.collect(model.name, output),
    onCalls: ({ counts, needs }) => {
      calls.called(model.name, counts);
      for (const need of needs.filter((one) => !isAllowed({ region, accountId }, model, one))) {
        const what = `${model.name}: ${need.action} on ${need.resource}`;
        calls.denied(what);
        logs.write(STACK_LOG, `the template does not allow ${what}`);
      }
    },
    onInvocation: () => calls.invoked(model.name),
  });
}
