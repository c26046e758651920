/**
 * What the use cases need of the outside. `shared/aws` and `shared/memory` implement these; one contract suite a port
 * (`test/contract/`) holds both to them.
 *
 * Common rules of every port:
 *  1. An expected outcome is a value. An exception means "infrastructure failed, try again later" or a bug.
 *  2. What a promise resolved to is durable.
 *  3. Lists answer pages; a cursor is opaque and only good for the same query. A malformed cursor is `bad_cursor`.
 */
import type { ApartmentMessage } from "../model/apartment-message.ts";
import type {
  AnyApartmentRecord,
  ApartmentRecord,
  HostApartmentRecord,
} from "../model/apartment-record.ts";
import type { Command } from "../model/command.ts";
import type { JobEffect, ReleaseEffect, ReserveEffect } from "../model/effect.ts";
import type {
  Capacity,
  FenceScope,
  HeardMark,
  Heartbeat,
  HostFact,
  HostRecord,
  Inventory,
} from "../model/host.ts";
import type { AccountId, ApartmentId, BootId, HostId, JobId, VmId } from "../model/ids.ts";
import type { IncidentId, IncidentKind, IncidentRecord } from "../model/incident.ts";
import type { Interest } from "../model/interest.ts";
import type { JobRecord, JobStatus } from "../model/job.ts";
import type { Joiner } from "../model/join.ts";
import type { Power } from "../model/power.ts";
import type { DescribedRow } from "../model/rows.ts";
import type { TokenId, TokenRecord } from "../model/token.ts";
import type { TopicEvent, TopicFamily } from "../model/topic.ts";
import type { VmState } from "../model/vm.ts";
import type { VmAtHost } from "../model/vm-at-host.ts";

export type PageRequest = { readonly limit: number; readonly cursor?: string | undefined };
export type Page<T> =
  | { readonly ok: true; readonly items: readonly T[]; readonly nextCursor?: string }
  | { readonly ok: false; readonly reason: "bad_cursor" };

export type VmFilter = {
  /** Absent: every account's (system use). */
  readonly account?: AccountId | undefined;
  readonly state?: VmState | undefined;
  readonly hostId?: HostId | undefined;
  readonly name?: string | undefined;
  readonly powerState?: Power | undefined;
};

/** The apartments' records, of VMs and of hosts. */
export interface ApartmentStore {
  /** A VM's; consistent. */
  readonly read: (id: VmId) => Promise<ApartmentRecord | undefined>;
  /** Makes a host's apartment, unless there is one. */
  readonly createHost: (record: HostApartmentRecord) => Promise<"created" | "exists">;
  /** What a turn begins with: the record and the jobs named, each read consistently, in one call (budgets). */
  readonly load: (
    id: ApartmentId,
    jobIds: readonly JobId[],
  ) => Promise<{
    readonly record: AnyApartmentRecord | undefined;
    /** Only those that exist. */
    readonly jobs: readonly JobRecord[];
  }>;
  /**
   * Puts `next` if the stored version is `next.version - 1` (A2). `conflict` means "read and compare": it may be one's
   * own write whose answer was lost.
   */
  readonly commit: (next: AnyApartmentRecord) => Promise<"committed" | "conflict">;
  /** VMs; eventually consistent; newest created first. */
  readonly list: (filter: VmFilter, page: PageRequest) => Promise<Page<ApartmentRecord>>;
  /** The VMs that are at a host, or were last, as their records have it. Eventually consistent. */
  readonly atHost: (id: HostId) => Promise<readonly VmAtHost[]>;
  /** Apartments whose `wakeAt` is at or before `before`, earliest first in each shard; at most `limit` in all. */
  readonly due: (query: {
    readonly before: number;
    readonly limit: number;
  }) => Promise<readonly { readonly id: ApartmentId; readonly wakeAt: number }[]>;
  /** The domain XML of a version; written once by `Submissions.accept`. */
  readonly readDomainXml: (id: VmId, version: number) => Promise<string | undefined>;
  /** Of a VM that is gone; one that is not there is fine. */
  readonly forgetDomainXml: (id: VmId, version: number) => Promise<void>;
}

/** What one request brings into being, all or nothing. */
export type Submission = {
  readonly job?: JobRecord | undefined;
  readonly vm?:
    | { readonly record: ApartmentRecord; readonly domainXml?: string | undefined }
    | undefined;
  /** Of a request that makes no record in this transaction: what it makes is made of this (`once.ts`). */
  readonly seed?: string | undefined;
  readonly idempotency?:
    | {
        readonly account: AccountId;
        readonly key: string;
        /** SHA-256 (hex) of method, path and parsed body. */
        readonly requestHash: string;
        readonly expiresAt: number;
      }
    | undefined;
  readonly now: number;
};
export type Accepted =
  | { readonly status: "accepted" }
  /** The key was used for the same request: what it made then. */
  | {
      readonly status: "replayed";
      readonly jobId?: JobId | undefined;
      readonly vmId?: VmId | undefined;
      readonly seed?: string | undefined;
      /** It was settled. */
      readonly done?: true | undefined;
    }
  | { readonly status: "idempotency_conflict" }
  | { readonly status: "vm_exists" };

/** Accepting work: one transaction over the idempotency item (absent or expired), the job, and a new VM with its XML. */
export interface Submissions {
  readonly accept: (submission: Submission) => Promise<Accepted>;
  /** What a key made, if it was used within its time; lets a retry be answered before any check of the VM's state. */
  readonly recall: (query: {
    readonly account: AccountId;
    readonly key: string;
    readonly requestHash: string;
    readonly now: number;
  }) => Promise<Accepted | undefined>;
  /** Notes that what a key asked for has been done, if it is a key of that request still. */
  readonly settle: (query: {
    readonly account: AccountId;
    readonly key: string;
    readonly requestHash: string;
  }) => Promise<void>;
}

export type JobFilter = {
  readonly account?: AccountId | undefined;
  readonly vmId?: VmId | undefined;
  readonly hostId?: HostId | undefined;
  readonly status?: JobStatus | undefined;
  readonly type?: string | undefined;
};

/** The jobs' records. Made by `Submissions.accept` or by the turn that wanted them, then changed by projections only (A5). */
export interface JobStore {
  /** Consistent. */
  readonly read: (id: JobId) => Promise<JobRecord | undefined>;
  /** Puts the record if there is none of its id, with who is to be told of its end. */
  readonly create: (job: JobRecord, joiner?: Joiner) => Promise<"created" | "exists">;
  /**
   * Writes the effect's own attributes and appends its journal entries, if the stored revision is lower and the status
   * is not terminal (A7); otherwise changes nothing (`superseded`). A job that is gone is `missing`. With a terminal effect it
   * answers those who joined the job: with the write that ended it, and each time that it is found ended (a crash may have come
   * between).
   */
  readonly project: (effect: JobEffect) => Promise<{
    readonly status: "projected" | "superseded" | "missing";
    readonly joiners?: readonly Joiner[];
  }>;
  /** One conditional update: who is to be told of a job's end, unless it has ended (A7); twice is once. */
  readonly addJoiner: (
    id: JobId,
    joiner: Joiner,
  ) => Promise<"joined" | "ended" | "missing" | "full">;
  /**
   * Notes that a job is called off, unless it has ended (A7); no revision (A3), and the first reason stays. Answers the job as
   * it is then; `undefined`: there is none.
   */
  readonly requestCancel: (id: JobId, reason: string | undefined) => Promise<JobRecord | undefined>;
  /** Newest first. */
  readonly list: (filter: JobFilter, page: PageRequest) => Promise<Page<JobRecord>>;
  /** Jobs created at or before `before` that no apartment has admitted (revision 0), oldest first. */
  readonly unsent: (query: {
    readonly before: number;
    readonly limit: number;
  }) => Promise<readonly { readonly jobId: JobId; readonly to: ApartmentId }[]>;
}

export type HostRow = { readonly host: HostRecord; readonly heartbeat?: Heartbeat | undefined };

/** Registration, sessions, heartbeats, inventory. */
export interface HostStore {
  /** A host of this name that was forgotten goes on being counted: its boots begin above those. */
  readonly create: (host: HostRecord) => Promise<"created" | "host_exists">;
  /** Consistent; registration and heartbeat together. */
  readonly read: (id: HostId) => Promise<HostRow | undefined>;
  /** By id, ascending. */
  readonly list: (page: PageRequest) => Promise<Page<HostRow>>;
  /** Of the hosts that have joined, by id, ascending; eventually consistent. Half of what `list` reads. */
  readonly heartbeats: (page: PageRequest) => Promise<Page<Heartbeat>>;
  /** Placement refuses a host in maintenance. */
  readonly setMaintenance: (
    id: HostId,
    maintenance: "enabled" | "disabled",
  ) => Promise<"set" | "host_not_found">;
  readonly setJoinToken: (
    id: HostId,
    token: { readonly hash: string; readonly expiresAt: number },
  ) => Promise<"set" | "host_not_found">;
  /**
   * Uses the join token up: the host's key is `publicKey` from now on, its command queue `queueUrl` of `queueGeneration`,
   * its boot none (the agent opens a session); the boots of a first join count on from `bootOrdinal`. One transaction; `refused` when the token is not (any longer) that one.
   */
  readonly join: (join: {
    readonly hostId: HostId;
    readonly tokenHash: string;
    readonly publicKey: string;
    readonly queueUrl: string;
    readonly queueGeneration: number;
    readonly bootOrdinal: number;
    readonly now: number;
  }) => Promise<"joined" | "refused">;
  /**
   * Opens the session of a boot: the same boot as now answers its ordinal; another one gets the next ordinal, by one
   * transaction over heartbeat and registration, conditional on the key and on the ordinal read. The host is Up from then on,
   * unless it is fenced. `queue`: a new one for a fenced host; its old one is nobody's any more. `refused`: the key is another by
   * now.
   */
  readonly openSession: (session: {
    readonly hostId: HostId;
    readonly publicKey: string;
    readonly bootId: BootId;
    readonly agentVersion: string;
    readonly queue?: { readonly url: string; readonly generation: number } | undefined;
    readonly migrationUri?: string | undefined;
    readonly now: number;
  }) => Promise<
    { readonly status: "open"; readonly bootOrdinal: number } | { readonly status: "refused" }
  >;
  /**
   * One conditional write (design.md, "Reports"): holds if key and boot are the current ones and `seq` is newer; extends
   * the lease; marks the digest as heard; answers the heartbeat after it. `replayed`: a seq not newer, of the current boot:
   * changes nothing. Above `HEARD_MAX` marks, a second write puts them together as `HEARD_CROWD`.
   */
  readonly beat: (beat: {
    readonly hostId: HostId;
    readonly publicKey: string;
    readonly bootId: BootId;
    readonly seq: number;
    readonly digest: string;
    /** Absent: the report is complete. */
    readonly blind?: { readonly reason?: string | undefined } | undefined;
    readonly selfFence: boolean;
    readonly vmCount: number;
    readonly now: number;
    readonly leaseUntil: number;
  }) => Promise<
    | { readonly status: "beaten"; readonly heartbeat: Heartbeat }
    | { readonly status: "replayed"; readonly heartbeat: Heartbeat }
    | { readonly status: "stale_boot" }
    | { readonly status: "wrong_key" }
  >;
  /**
   * Notes that a host fell silent (`Disconnected`, then `Down`), on registration and heartbeat in one transaction that
   * holds only if nothing was heard since `lastReportAt`. Of one that is Down its VMs are to be told, and its next report is
   * compared whole.
   */
  readonly markSilent: (silence: {
    readonly hostId: HostId;
    readonly lastReportAt: number;
    readonly state: "Disconnected" | "Down";
  }) => Promise<"marked" | "heard_since">;
  /** Notes that a silent host was heard again: Up. A fenced one comes back by `markReturned` alone. */
  readonly markHeard: (id: HostId) => Promise<void>;
  /**
   * Fences a host that has joined, on registration and heartbeat in one transaction that holds only if nothing was heard since
   * `read`: its boot ends, so nothing that it says is taken until it opens a session; the fence takes the next ordinal; its
   * VMs are to be told. With the scope `all` it is Fenced from then on; with `ha` it stays what it is.
   */
  readonly fence: (fence: {
    readonly hostId: HostId;
    readonly scope: FenceScope;
    readonly read: Pick<Heartbeat, "bootOrdinal" | "seq" | "leaseUntil">;
    readonly now: number;
  }) => Promise<"fenced" | "changed">;
  /**
   * Notes that a fenced host has come back in that boot: Up, the fence is over. Holds if it is fenced, its VMs were told so,
   * and that is its boot.
   */
  readonly markReturned: (returned: {
    readonly hostId: HostId;
    readonly bootOrdinal: number;
  }) => Promise<"returned" | "superseded">;
  /** Notes that the host's VMs were told, unless something else is to be told by now. */
  readonly markTold: (told: {
    readonly hostId: HostId;
    readonly bootOrdinal: number;
    readonly untold: NonNullable<HostRecord["untold"]>;
  }) => Promise<"told" | "superseded">;
  /** Forgets a host that holds no room, its heartbeat and inventory, in one transaction; but for how far its boots were counted. */
  readonly remove: (id: HostId) => Promise<"removed" | "not_empty" | "host_not_found">;
  /** Capacity as the agent reported it, for a host that an operator gave none. */
  readonly setCapacity: (id: HostId, capacity: Capacity) => Promise<void>;
  /** Keeps the answer to one question about a VM that no record knows, for minutes; a later answer takes its place. */
  readonly noteDescribed: (answer: {
    readonly hostId: HostId;
    readonly vmId: VmId;
    readonly described: DescribedRow;
  }) => Promise<void>;
  /** Consistent. */
  readonly readDescribed: (question: {
    readonly hostId: HostId;
    readonly vmId: VmId;
  }) => Promise<DescribedRow | undefined>;
  readonly readInventory: (id: HostId) => Promise<Inventory | undefined>;
  /**
   * Holds if what is stored is still the inventory that `next` was compared with. `changed` means "read and compare": it may
   * be one's own write whose answer was lost. The VMs of `next`, if they are the same object, are what is stored.
   */
  readonly writeInventory: (
    next: Inventory,
    comparedWith: Pick<Inventory, "bootOrdinal" | "seq" | "vms"> | undefined,
  ) => Promise<"written" | "changed">;
  /** Notes that a host was compared whole with the report that was applied last, unless another has been applied since. */
  readonly markCompared: (
    id: HostId,
    applied: NonNullable<Heartbeat["applied"]>,
  ) => Promise<"marked" | "superseded">;
  /**
   * Notes on the heartbeat what was worked off: `applied`, unless something newer is noted, and forgets the `settled` marks
   * of that boot which no later report has renewed.
   */
  readonly markApplied: (note: {
    readonly hostId: HostId;
    readonly bootOrdinal: number;
    readonly applied?: Heartbeat["applied"];
    readonly settled: readonly HeardMark[];
  }) => Promise<void>;
}

/** Room on hosts. */
export interface Placement {
  /** Hosts that are Up and not in maintenance, at most `limit`. Eventually consistent: the reservation decides. */
  readonly candidates: (limit: number) => Promise<readonly HostFact[]>;
  /** One host, whatever its state; consistent. */
  readonly host: (id: HostId) => Promise<HostFact | undefined>;
  /**
   * Holds room under (host, VM) for a job, in one transaction over the reservation and the host's sum: conditional on
   * Up, no maintenance, the effect's boot, labels, free ≥ need. Room that this VM holds there already is `held` (idempotent, whichever
   * job took it). A host whose capacity is not known takes anything;
   * a VM that was `found` on is held for, whatever the host's state and room. `superseded`: the room was given back at a later
   * revision than the effect's.
   */
  readonly reserve: (
    effect: ReserveEffect,
  ) => Promise<
    { readonly status: "held" } | { readonly status: "refused"; readonly reason: string }
  >;
  /** The VMs that hold room on a host. Consistent. */
  readonly holders: (id: HostId) => Promise<readonly VmId[]>;
  /** Gives it back, unless it was taken at a later revision; nothing held is fine, and remembered for a day. */
  readonly release: (release: Pick<ReleaseEffect, "hostId" | "vmId" | "revision">) => Promise<void>;
}

/** The FIFO queue of the apartments: group = apartment. */
export interface ApartmentQueue {
  /**
   * All or an exception; up to any number, sent in batches of 10. De-duplication id = logical id, with
   * `:returned` for what came back from the dead-letter queue (a courtesy only).
   */
  readonly send: (
    messages: readonly { readonly to: ApartmentId; readonly message: ApartmentMessage }[],
  ) => Promise<void>;
}

/** What was received from the apartments' queue and could not be worked off. */
export interface Redelivery {
  /**
   * Has messages come again after a few seconds instead of the queue's whole visibility time-out. A courtesy: what
   * cannot be shortened comes later, and nothing is thrown.
   */
  readonly retrySoon: (
    received: readonly { readonly receiptHandle: string; readonly afterSeconds: number }[],
  ) => Promise<void>;
}

/** The hosts' own command queues. */
export interface CommandQueues {
  /** Makes (or finds) the queue of a host's generation; answers its URL. */
  readonly create: (host: {
    readonly hostId: HostId;
    readonly generation: number;
  }) => Promise<string>;
  readonly remove: (queueUrl: string) => Promise<void>;
  readonly send: (queueUrl: string, command: Command) => Promise<"sent" | "queue_gone">;
  /** Credentials that can receive, delete and change visibility on that queue and do nothing else; an hour at most. */
  readonly credentials: (query: { readonly hostId: HostId; readonly queueUrl: string }) => Promise<{
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
    readonly expiresAt: number;
  }>;
  /** What an agent needs to reach the queues: the region, and the endpoint where it is not AWS's own. */
  readonly access: { readonly region: string; readonly endpoint?: string };
}

/** The topic bus. */
export interface Bus {
  /** All or an exception (`FailedEntryCount` is read); chunked by entries and bytes. */
  readonly put: (events: readonly TopicEvent[]) => Promise<void>;
}

export type IncidentFilter = {
  readonly account?: AccountId | undefined;
  readonly state?: "open" | "resolved" | undefined;
  readonly vmId?: VmId | undefined;
  readonly hostId?: HostId | undefined;
  readonly kind?: IncidentKind | undefined;
};

export interface IncidentStore {
  /**
   * Opens it unless an incident of that id is open already; one that was resolved opens anew, if it was opened after the
   * one resolved (the same opening, told again late, changes nothing).
   */
  readonly open: (incident: IncidentRecord) => Promise<"opened" | "already_open">;
  /** `not_open`: there is none, or it is resolved already. */
  readonly resolve: (id: IncidentId, at: number) => Promise<"resolved" | "not_open">;
  readonly read: (id: IncidentId) => Promise<IncidentRecord | undefined>;
  /** Newest first. */
  readonly list: (filter: IncidentFilter, page: PageRequest) => Promise<Page<IncidentRecord>>;
}

export type EventFilter = {
  readonly account?: AccountId | undefined;
  readonly vmId?: VmId | undefined;
  readonly hostId?: HostId | undefined;
  readonly family?: TopicFamily | undefined;
};

/** What was told on the bus, kept for `historyRetentionDays`. */
export interface EventStore {
  /**
   * Records events, each id once however often it is told. All or an exception; any number. `listeners: "none"`: nothing
   * was registered with `Interests` while they were recorded.
   */
  readonly append: (
    events: readonly TopicEvent[],
  ) => Promise<{ readonly listeners: "none" | "perhaps" }>;
  /**
   * From the oldest recorded, or from where a cursor stands. `next` goes on after what was given, also when there is
   * nothing more yet; an event recorded at any time later, however old it is, lies after it.
   */
  readonly feed: (
    filter: EventFilter,
    from: { readonly limit: number; readonly after?: string | undefined },
  ) => Promise<
    | { readonly ok: true; readonly items: readonly TopicEvent[]; readonly next: string }
    | { readonly ok: false; readonly reason: "bad_cursor" }
  >;
  /** Newest first. */
  readonly history: (filter: EventFilter, page: PageRequest) => Promise<Page<TopicEvent>>;
}

/** Who waits for events of which topics. */
export interface Interests {
  /**
   * Registered when it resolves: whoever asks `under` from then on is answered it. Registering again changes nothing, nor
   * does registering what was removed.
   */
  readonly register: (interest: Interest) => Promise<void>;
  /** Also before it was registered; remembered for a day. */
  readonly remove: (interest: Pick<Interest, "id" | "topic">) => Promise<void>;
  /** Everything registered under one of these prefixes. Consistent; one call where there is nothing. */
  readonly under: (prefixes: readonly string[]) => Promise<readonly Interest[]>;
}

export interface TokenStore {
  readonly create: (token: TokenRecord) => Promise<"created" | "exists">;
  readonly read: (id: TokenId) => Promise<TokenRecord | undefined>;
  readonly list: (page: PageRequest) => Promise<Page<TokenRecord>>;
  readonly remove: (id: TokenId) => Promise<"removed" | "not_found">;
}

/** Time, as an input. */
export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Fresh names and secrets, and the hash that stores a secret. */
export interface Names {
  /** A UUIDv7. */
  readonly jobId: () => JobId;
  readonly vmId: () => VmId;
  /** Unguessable, URL-safe, at least 32 bytes of randomness. */
  readonly secret: () => string;
  /** SHA-256 in hexadecimal. */
  readonly hash: (text: string) => string;
}

/** gzip + base64, for what is too large for an entry as it is. */
export interface Codec {
  readonly pack: (text: string) => string;
  /** Throws on what was not packed by `pack`, or is larger than `bytesMax` unpacked. */
  readonly unpack: (packed: string, bytesMax: number) => string;
}

/** Counters and structured log lines; never secrets. */
export interface Telemetry {
  readonly count: (metric: string, value?: number) => void;
  readonly log: (entry: {
    readonly level: "info" | "warn" | "error";
    readonly message: string;
    readonly [field: string]: unknown;
  }) => void;
}

/** All of them, as `shared/aws/connect.ts` and `shared/memory/connect.ts` answer them. Use cases name the few they need. */
export type Ports = {
  readonly apartments: ApartmentStore;
  readonly submissions: Submissions;
  readonly jobs: JobStore;
  readonly hosts: HostStore;
  readonly placement: Placement;
  readonly apartmentQueue: ApartmentQueue;
  readonly redelivery: Redelivery;
  readonly commandQueues: CommandQueues;
  readonly bus: Bus;
  readonly incidents: IncidentStore;
  readonly events: EventStore;
  readonly interests: Interests;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  readonly names: Names;
  readonly codec: Codec;
  readonly telemetry: Telemetry;
};
