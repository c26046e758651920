/** Requests and answers of the user API (contract, "User API"). Unknown fields are refused by name. */
import * as z from "zod/mini";
import { Host } from "./host.ts";
import { AccountId, HostId, JobId, VmId } from "./ids.ts";
import { Incident, IncidentKind } from "./incident.ts";
import { CancelReason, Job, JobStatus } from "./job.ts";
import { Power } from "./power.ts";
import { Role, TokenId } from "./token.ts";
import { CustomDetail, CustomTopic, Event, TopicFamily } from "./topic.ts";
import { Labels, Vm, VmName, VmSpecWithXml, VmState } from "./vm.ts";

const Cursor = z.string().check(z.minLength(1), z.maxLength(1024));
export const Limit = z.pipe(
  z.string().check(z.regex(/^([1-9]|[1-9]\d|1\d\d|200)$/, "a whole number from 1 to 200")),
  z.transform(Number),
);
/** Default page (contract, "Conventions"). */
export const PAGE_LIMIT_DEFAULT = 50;

const page = <T extends z.ZodMiniType>(item: T) =>
  z.strictObject({ items: z.array(item), nextCursor: z.optional(z.string()) });

/** The body of a route that takes none; an empty body parses as this too. */
export const NoBody = z.optional(z.strictObject({}));

/** A body that something else parses by a schema of its own. */
export const AnyBody = z.optional(z.record(z.string(), z.unknown()));

export const CreateVmRequest = z.strictObject({
  id: z.optional(VmId),
  name: VmName,
  spec: VmSpecWithXml,
  haEnabled: z.optional(z.boolean()),
  start: z.optional(z.boolean()),
  hostId: z.optional(HostId),
});
export type CreateVmRequest = z.infer<typeof CreateVmRequest>;

export const PatchVmRequest = z
  .strictObject({ name: z.optional(VmName), haEnabled: z.optional(z.boolean()) })
  .check(z.refine((body) => Object.keys(body).length > 0, "name or haEnabled"));
export type PatchVmRequest = z.infer<typeof PatchVmRequest>;

export const ListVmsQuery = z.strictObject({
  state: z.optional(VmState),
  hostId: z.optional(HostId),
  name: z.optional(VmName),
  powerState: z.optional(Power),
  limit: z.optional(Limit),
  cursor: z.optional(Cursor),
});
export const VmPage = page(Vm);
export const VmAndJob = z.strictObject({ vm: Vm, job: Job });

export const PauseRequest = z.strictObject({ paused: z.boolean() });

export const ListJobsQuery = z.strictObject({
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  status: z.optional(JobStatus),
  type: z.optional(z.string().check(z.maxLength(48))),
  limit: z.optional(Limit),
  cursor: z.optional(Cursor),
});
export const JobPage = page(Job);
export const WaitSeconds = z.pipe(
  z.string().check(z.regex(/^(\d|1\d|20)$/, "a whole number from 0 to 20")),
  z.transform(Number),
);
export const GetJobQuery = z.strictObject({ waitSeconds: z.optional(WaitSeconds) });

export const CancelRequest = z.optional(z.strictObject({ reason: z.optional(CancelReason) }));
export type CancelRequest = z.infer<typeof CancelRequest>;

export const CreateHostRequest = z.strictObject({
  id: HostId,
  capacity: z.optional(
    z.strictObject({ cpus: z.int().check(z.gte(1)), memoryMiB: z.int().check(z.gte(1)) }),
  ),
  labels: z.optional(Labels),
});
export type CreateHostRequest = z.infer<typeof CreateHostRequest>;
export const MaintenanceRequest = z.strictObject({ enabled: z.boolean() });
export const HostAndJoinToken = z.strictObject({ host: Host, joinToken: z.string() });
export const JoinTokenAnswer = z.strictObject({ joinToken: z.string() });
export const PageQuery = z.strictObject({ limit: z.optional(Limit), cursor: z.optional(Cursor) });
export const HostPage = page(Host);

/** A VM found on a host that no record knows. */
export const Orphan = z.strictObject({
  vmId: VmId,
  hostId: HostId,
  power: Power,
  detail: z.optional(z.string()),
  foundAt: z.iso.datetime(),
});
export type Orphan = z.infer<typeof Orphan>;
export const OrphanPage = page(Orphan);
/** Whose it is to be, and its name; absent: the caller's account, and a name made of its id. */
export const AdoptRequest = z.optional(
  z.strictObject({ account: z.optional(AccountId), name: z.optional(VmName) }),
);
export type AdoptRequest = NonNullable<z.infer<typeof AdoptRequest>>;
export const OrphanPath = z.strictObject({ hostId: HostId, vmId: VmId });

export const ListIncidentsQuery = z.strictObject({
  state: z.optional(z.enum(["open", "resolved"])),
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  kind: z.optional(IncidentKind),
  limit: z.optional(Limit),
  cursor: z.optional(Cursor),
});
export const IncidentPage = page(Incident);

/** From a cursor, which every answer carries; without one from the oldest that is kept. */
export const FeedQuery = z.strictObject({
  after: z.optional(Cursor),
  vmId: z.optional(VmId),
  hostId: z.optional(HostId),
  type: z.optional(TopicFamily),
  limit: z.optional(Limit),
});
export const EventPage = page(Event);
/** `nextCursor` is there also when nothing more is yet: it is `after` of the next look. */
export const FeedPage = z.strictObject({ items: z.array(Event), nextCursor: z.string() });
export const PublishRequest = z.strictObject({ topic: CustomTopic, detail: CustomDetail });
export type PublishRequest = z.infer<typeof PublishRequest>;
export const Published = z.strictObject({ id: z.string(), topic: z.string() });
export type Published = z.infer<typeof Published>;

export const CreateTokenRequest = z.strictObject({
  account: z.optional(AccountId),
  role: Role,
  label: z.optional(z.string().check(z.minLength(1), z.maxLength(64))),
});
export type CreateTokenRequest = z.infer<typeof CreateTokenRequest>;
/** A token as it is listed; the secret is only in the answer that made it. */
export const Token = z.strictObject({
  id: TokenId,
  account: AccountId,
  role: Role,
  label: z.optional(z.string()),
  createdAt: z.iso.datetime(),
});
export type Token = z.infer<typeof Token>;
export const TokenMade = z.extend(Token, { token: z.string() });
export const TokenPage = page(Token);

export const Health = z.strictObject({
  status: z.literal("ok"),
  version: z.string(),
  now: z.iso.datetime(),
});

/** The OpenAPI document; its own schema is OpenAPI's. */
export const OpenApi = z.record(z.string(), z.unknown());

export const NoQuery = z.strictObject({});
export const VmPath = z.strictObject({ vmId: VmId });
export const VmVerbPath = z.strictObject({ vmId: VmId, verb: z.string() });
export const JobPath = z.strictObject({ jobId: JobId });
export const HostPath = z.strictObject({ hostId: HostId });
export const IncidentPath = z.strictObject({ id: z.string() });
export const TokenPath = z.strictObject({ tokenId: z.string() });
