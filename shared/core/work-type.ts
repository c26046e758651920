/**
 * What the engine and a work type say to each other. Work is pure (A9): it sees a context and answers what should happen;
 * the engine does the rest, the same for every type.
 */
import type { SystemJobRequest, UnsettledCommand, VmSubject } from "../model/apartment-record.ts";
import type { CommandCall } from "../model/command.ts";
import type { HostFact } from "../model/host.ts";
import type { AccountId, BootId, CommandId, HostId, JobId, VmId } from "../model/ids.ts";
import type { IncidentKind } from "../model/incident.ts";
import type { Topic } from "../model/interest.ts";
import type { JobError } from "../model/job.ts";
import type { HeardEvent } from "../model/listening.ts";
import type { Observation, ReportedPower } from "../model/power.ts";
import type { Settings } from "../model/settings.ts";
import type { VmState } from "../model/vm.ts";
import type { VmChange } from "../model/vm-change.ts";

/** Something a decision needs to know and was not given; whoever runs the turn fetches it and decides again. */
export type FactRequest =
  | { readonly kind: "job"; readonly jobId: JobId }
  | { readonly kind: "host"; readonly hostId: HostId }
  | { readonly kind: "candidates" }
  /** VMs that hold room on a host, by id: the first so many after one. */
  | {
      readonly kind: "residents";
      readonly hostId: HostId;
      readonly after?: VmId | undefined;
      readonly limit: number;
    };

/** Facts about hosts, as far as they were asked for. `null`: there is no such host. */
export type HostFacts = {
  readonly candidates?: readonly HostFact[];
  readonly hosts: ReadonlyMap<HostId, HostFact | null>;
  /** By the VM after which was asked; `""`: from the first on. */
  readonly residents?: ReadonlyMap<string, Residents>;
};

export type Residents = {
  /** An owner is missing where the VM is gone. */
  readonly vms: readonly { readonly vmId: VmId; readonly account?: AccountId }[];
  /** How many there are after that VM, these included. */
  readonly left: number;
};

/** Where a command goes: a host's boot and its queue. */
export type Address = {
  readonly hostId: HostId;
  readonly bootId: BootId;
  readonly bootOrdinal: number;
  readonly queueUrl: string;
};

/** What every work type sees. */
type JobContext<I, M> = {
  readonly jobId: JobId;
  readonly input: I;
  readonly memo: M;
  readonly openIncidents: ReadonlySet<IncidentKind>;
  /**
   * The job is called off: it begins nothing more (asking and undoing excepted) and ends `cancelled`, in what is true.
   * Where a command is out, that is when its result or deadline has come. What succeeded all the same has succeeded.
   */
  readonly cancelRequested: boolean;
  readonly facts: HostFacts;
  readonly settings: Settings;
  readonly now: number;
};

/** What a work type about a host sees. */
export type HostContext<I, M> = JobContext<I, M> & { readonly hostId: HostId };

/** What a work type about a VM sees. */
export type WorkContext<I, M> = JobContext<I, M> & {
  readonly vmId: VmId;
  readonly vm: VmSubject;
  readonly unsettled: readonly UnsettledCommand[];
  /** What each host said last of this VM, whenever that was. A hint whom to ask. */
  readonly lastSaid: ReadonlyMap<HostId, Observation>;
  /** Hosts on which this VM has room: its own, and those whose room this very turn gives back. */
  readonly holds: ReadonlySet<HostId>;
  /**
   * What a host said that counts for this job: it is of the boot that the job's last command to it was meant for, and
   * had seen that command's epoch. Anything else is no evidence; the job probes.
   */
  readonly evidence: (hostId: HostId) => Observation | undefined;
  /** Of the last command that was no probe its host said, when nobody waited for it any more, that it is done. */
  readonly wasDoneLate: boolean;
};

/** Why a waiting job is asked again. A hint: the job looks at the record before it believes it. */
export type Wakeup =
  | {
      readonly kind: "result";
      readonly hostId: HostId;
      readonly commandId: CommandId;
      readonly status: "done" | "failed" | "stale";
      readonly code: string | undefined;
      readonly detail: string | undefined;
      readonly power: ReportedPower | undefined;
      readonly busy: boolean;
    }
  | {
      readonly kind: "reserved";
      readonly hostId: HostId;
      readonly outcome:
        | { readonly status: "held"; readonly address: Address }
        | { readonly status: "refused"; readonly reason: string };
    }
  | { readonly kind: "observed"; readonly hostId: HostId }
  /** Of the jobs joined, those that have ended since, by key: all, or some. */
  | { readonly kind: "joined"; readonly ends: ReadonlyMap<string, JobEnd> }
  /** The topic asked for is listened to: nothing that is told of it from now on is missed. */
  | { readonly kind: "listening" }
  /** Of a topic that it listens to, while it waits for one. The same event may come again. */
  | { readonly kind: "topic"; readonly event: HeardEvent }
  /**
   * The job was called off while it waited for something else than a command's result. `ignore`: it first has to find out
   * what is true, and `cancelRequested` stays.
   */
  | { readonly kind: "cancelled" }
  | { readonly kind: "deadline" };

/** The one thing that a step starts and then waits for. */
export type Action =
  | {
      readonly kind: "command";
      readonly address: Address;
      readonly call: CommandCall;
      readonly timeoutSeconds: number;
    }
  | {
      readonly kind: "reserve";
      readonly address: Address;
      readonly attempt: number;
      /** The VM was found on there: it takes its room whether or not there is any. */
      readonly found?: true;
    }
  | { readonly kind: "timer" }
  /** Nothing: what was decided is to be durable before the next step, which follows at once, as by a deadline. */
  | { readonly kind: "checkpoint" }
  /** To hear of a topic from now on, until the job ends; done before what is to be heard of is triggered. */
  | { readonly kind: "listen"; readonly topic: Topic }
  /** The next event of the topics that it listens to. */
  | { readonly kind: "topic" }
  | JoinAction;

/** A job to be started by another one. */
export type ChildJob = {
  /** The work's own name for it; among those that are joined there is none of the same. */
  readonly key: string;
  readonly type: string;
  readonly workVersion: number;
  readonly input: unknown;
  /** Absent: the parent's. */
  readonly account?: AccountId;
} & ({ readonly vmId: VmId } | { readonly hostId: HostId });

/**
 * Waits until all of the jobs that are joined have ended, or any. Those of an earlier step whose end was not told yet are
 * among them. Jobs that it starts are called off with it.
 */
export type JoinAction = {
  readonly kind: "join";
  readonly start?: readonly ChildJob[];
  /** Others' jobs. */
  readonly jobs?: readonly { readonly key: string; readonly jobId: JobId }[];
  readonly until: "all" | "any";
};

/** How a job that was joined ended. One that is not there is `join_failed`; one that waits for this very one `join_cycle`. */
export type JobEnd =
  | { readonly status: "succeeded"; readonly result: unknown }
  | { readonly status: "failed" | "cancelled"; readonly error: JobError };

/** What every answer but `ignore` and `need` may also bring about. */
type Consequences = {
  /** What becomes of the VM's record. Room on the host that it leaves is given back. */
  readonly vm?: VmChange;
  /** What the VM's change is told to have come of; absent: the job's own doing. */
  readonly cause?: "power";
  readonly open?: {
    readonly kind: IncidentKind;
    readonly hostId?: HostId;
    readonly detail: string;
  };
  /** Hosts whose last word counts no more: there are no such hosts. */
  readonly forget?: readonly HostId[];
  /** Incidents of this VM that are over with it. */
  readonly resolve?: readonly IncidentKind[];
  /** A line for the job's journal. */
  readonly note: string;
};

/** What a job's end may ask for. */
type Sequel = {
  /** A system job that begins in the commit that ends this one, before all that are queued. */
  readonly systemJob?: SystemJobRequest;
  /** Of the type that answers for disagreements: how long nobody need look again. Absent: the engine's own distance. */
  readonly lookAgainInMs?: number;
};

export type Outcome<M, R> =
  | ({
      readonly kind: "wait";
      readonly step: string;
      readonly memo: M;
      readonly action: Action;
      /** From now; above 0 (A8). */
      readonly deadlineInMs: number;
      readonly percent?: number;
    } & Consequences)
  | ({
      readonly kind: "succeed";
      readonly result: R;
      /** No host knows the VM any more: from now on there is none. */
      readonly gone?: true;
    } & Consequences &
      Sequel)
  | ({ readonly kind: "fail"; readonly error: JobError } & Consequences & Sequel)
  | { readonly kind: "need"; readonly facts: readonly FactRequest[] }
  /** A wake-up that changes nothing for this job. */
  | { readonly kind: "ignore" };

/**
 * Who submits jobs of a type: users by its verb; the creation of a VM; the maintenance of a host; the system itself; and the
 * one type that the engine begins when record and hosts disagree. No route takes any but the first.
 */
export type Origin = "verb" | "creation" | "maintenance" | "system" | "disagreement";

/** How a verb takes a state, before anything is done (contract, the verb table). */
export type Reception = "go" | "at_once" | "conflict" | "probe";

/** What a job carries between its steps; no memo before the first. */
export type Payload = { readonly input: unknown; readonly memo?: unknown };

/** A work type as the engine knows it: input and memo are checked by its own schemas on every call. */
interface AnySubject {
  readonly name: string;
  readonly version: number;
  readonly origin: Origin;
  /** Of what an older version of this type wrote, what this one reads. */
  readonly upgrade: (older: Payload & { readonly version: number }) => Payload;
  readonly parseInput: (
    raw: unknown,
  ) =>
    | { readonly ok: true; readonly value: unknown }
    | { readonly ok: false; readonly errors: readonly { path: string; message: string }[] };
}

/** About a VM, in its apartment. */
export interface WorkType extends AnySubject {
  readonly subject: "vm";
  readonly reception: Readonly<Record<VmState, Reception>>;
  /** Whether it can turn the VM on, so that no host being Up is refused at submit. */
  readonly needsHost: boolean;
  readonly begin: (context: WorkContext<unknown, undefined>) => Outcome<unknown, unknown> | Invalid;
  readonly resume: (
    context: WorkContext<unknown, unknown>,
    wakeup: Wakeup,
  ) => Outcome<unknown, unknown> | Invalid;
}

/** About a host, in its apartment. It has no VM to change and no room to give back. */
export interface HostWorkType extends AnySubject {
  readonly subject: "host";
  readonly begin: (context: HostContext<unknown, undefined>) => Outcome<unknown, unknown> | Invalid;
  readonly resume: (
    context: HostContext<unknown, unknown>,
    wakeup: Wakeup,
  ) => Outcome<unknown, unknown> | Invalid;
}
export type AnyWorkType = WorkType | HostWorkType;
export type Invalid = { readonly kind: "invalid"; readonly detail: string };

/** The list of work types; no engine code names one. */
export type WorkRegistry = ReadonlyMap<string, AnyWorkType>;
