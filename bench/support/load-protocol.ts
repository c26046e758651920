/** What the benchmark and its load thread say to each other. Both are this program, so it is typed and not parsed. */

export type LoadStart = { readonly url: string; readonly token: string };

export type Verb = "start" | "stop" | "two-steps";

/**
 * How the end of a job is learnt.
 * `last`: one job at a time is waited for, the last submitted first. The stack has next to nothing to do for it, and each
 *   job's own times are read when all is over.
 * `each`: every client waits for its own job by `GET /v1/jobs/{id}?waitSeconds=20`, as a user does.
 */
export type Watch = "last" | "each";

export type LoadRequest =
  /** One job for each VM, all clients at once; each client is done when its job is. */
  | {
      readonly kind: "round";
      readonly vmIds: readonly string[];
      readonly verb: Verb;
      readonly watch: Watch;
    }
  /** Each client submits one job after the other for its own VM, each when it was seen that the one before has ended. */
  | {
      readonly kind: "closed";
      readonly vmIds: readonly string[];
      readonly verb: Verb;
      readonly jobsEach: number;
    }
  /** So many jobs over all VMs, so many submissions under way at a time; nobody waits but for the last. */
  | {
      readonly kind: "burst";
      readonly vmIds: readonly string[];
      readonly verb: Verb;
      readonly jobs: number;
      readonly inFlight: number;
    }
  /** Jobs of one VM, each submitted when the one before was accepted. */
  | { readonly kind: "backlog"; readonly vmId: string; readonly verbs: readonly Verb[] };

/** Times in epoch milliseconds, by the one clock of this machine. */
export type JobTimes = {
  readonly submittedAt: number;
  readonly acceptedAt: number;
  /** When the client knew; only where it waited for its own job. */
  readonly seenAt?: number;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
};

export type LoadReply =
  | { readonly ok: true; readonly jobs: readonly JobTimes[]; readonly cpuMs: number }
  | { readonly ok: false; readonly reason: string };
