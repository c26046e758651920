/**
 * The agent, put together from its parts over ports: the program, the local stack's hosts, tests and the simulation all
 * run this. It knows nothing of VM lifecycle: it reports what the hypervisor says, and does what it is told at most once.
 */
import type { BootId } from "../shared/model/ids.ts";
import { aftermath } from "./aftermath.ts";
import type { CommandLog } from "./command-log.ts";
import { commandPoll } from "./command-poll.ts";
import type { OpenCommandSource } from "./command-source.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Hypervisor } from "./hypervisor/hypervisor.ts";
import type { Lease } from "./lease.ts";
import { errorText, type Noter } from "./note.ts";
import { observer } from "./observer.ts";
import { reporter } from "./reporter.ts";
import { type ResultSender, resultSender } from "./results.ts";
import { runner } from "./runner.ts";
import { selfFence } from "./self-fence.ts";
import { AgentStopped, type Sessions, sessions } from "./sessions.ts";
import type { AgentTime } from "./time.ts";

/** Shown to operators with the host. */
export const AGENT_VERSION = "0.1.0";

export type AgentDeps = {
  readonly time: AgentTime;
  readonly random: () => number;
  readonly newBootId: () => BootId;
  readonly controlPlane: ControlPlane;
  readonly openCommandSource: OpenCommandSource;
  readonly hypervisor: Hypervisor;
  readonly log: CommandLog;
  readonly lease: Lease;
  readonly note: Noter;
};

export interface Agent {
  readonly bootId: () => BootId;
  /** The first session is open. Rejects with the reason when there will be none. */
  readonly ready: Promise<void>;
  /** Resolves when the agent has stopped as it was told; rejects with the reason when it stopped on its own. */
  readonly stopped: Promise<void>;
  readonly stop: () => Promise<void>;
}

export function runAgent(deps: AgentDeps): Agent {
  const stop = new AbortController();
  const signal = stop.signal;
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const { migrationUri } = deps.hypervisor;
  const open = sessions({ ...deps, agentVersion: AGENT_VERSION, migrationUri, signal });
  const loops = startLoops({ ...deps, signal, sessions: open, broken: failure.reject });

  const ended = Promise.race([failure.promise, ...loops])
    .catch((error: unknown) => {
      if (signal.aborted) return;
      deps.note({ level: "error", message: "agent stops", detail: errorText(error) });
      throw error;
    })
    .finally(async () => {
      stop.abort();
      await Promise.allSettled(loops);
    });
  ended.catch(() => {});
  const ready = open.opened().then(() => undefined);
  ready.catch(() => {}); // Nobody has to look at it.

  return {
    bootId: open.bootId,
    ready,
    stopped: ended,
    stop: async () => {
      stop.abort();
      await ended.catch(() => {}); // `stopped` tells.
    },
  };
}

type LoopDeps = AgentDeps & {
  readonly sessions: Sessions;
  readonly signal: AbortSignal;
  readonly broken: (error: unknown) => void;
};

/** Everything that goes on for as long as the agent does. Each ends at the signal; one that ends before has failed. */
function startLoops(deps: LoopDeps): readonly Promise<void>[] {
  const { time, hypervisor, log, lease, sessions: open } = deps;
  const watch = observer();
  const results: ResultSender = resultSender({ ...deps, observer: watch });
  const commands = runner({
    ...deps,
    observer: watch,
    aftermath: aftermath({ time, hypervisor }),
    leaseIsHeld: lease.isHeld,
    bootId: open.bootId,
    tell: results.add,
  });
  const loops = [
    open.run(),
    reporter({ ...deps, observer: watch }),
    results.run(),
    commands
      .begin()
      .then(() => commandPoll({ ...deps, open: deps.openCommandSource, runner: commands })),
    selfFence({ ...deps, log }),
  ];
  return loops.map((loop) =>
    loop.catch((error: unknown) => {
      if (!(error instanceof AgentStopped)) throw error;
    }),
  );
}
