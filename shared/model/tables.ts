/**
 * The tables with their keys and indexes, as data: the CDK stack makes them, the adapters address them.
 *
 * Indexes are keys-only wherever their keys don't change, so that a commit does not pay for them; what is listed is then
 * read by key. A constant partition (`kind`) is written only when an item is made.
 */

/** Shards of each time-ordered index: a hot index partition throttles its base table (design.md, "Limits"). */
export const INDEX_SHARDS = 8;

/**
 * Shards of the events' log. A shard takes the writes of one partition, 500 KiB/s in transactions, or some 1,500 events/s;
 * every look at the feed reads all of them.
 */
export const EVENT_SHARDS = 4;

type KeyType = "S" | "N";
type Key = { readonly name: string; readonly type: KeyType };
export type IndexShape = {
  readonly partition: Key;
  readonly sort: Key;
  /** Attributes beside the keys; empty is keys-only. */
  readonly include: readonly string[];
};
export type TableShape = {
  readonly partition: Key;
  readonly sort?: Key;
  /** Attribute that says when the item may go (epoch seconds); TTL lags, so readers filter too. */
  readonly ttl?: string;
  readonly indexes: Readonly<Record<string, IndexShape>>;
};

const S = (name: string): Key => ({ name, type: "S" });
const N = (name: string): Key => ({ name, type: "N" });
const listing = (sort: Key): IndexShape => ({ partition: S("kind"), sort, include: [] });

/** By table; an index's name is its key here. */
export const TABLES = {
  /** One item a VM: its record. */
  apartments: {
    partition: S("id"),
    /** Of VMs that are gone only. */
    ttl: "expiresAt",
    indexes: {
      /** Sparse: only what has a `wakeAt`. */
      due: { partition: N("wakeShard"), sort: N("wakeAt"), include: [] },
      byAccount: { partition: S("account"), sort: N("createdAt"), include: [] },
      byKind: listing(N("createdAt")),
      /**
       * Sparse: VMs that are at a host, or were (`vm-at-host.ts`). A commit pays for it where the host's word or the state
       * changes; comparing a whole host costs one read.
       */
      byHost: { partition: S("lastAt"), sort: S("id"), include: ["state", "hostId", "said"] },
    },
  },
  /** Domain XML, immutable by version. */
  domains: { partition: S("vmId"), sort: N("version"), indexes: {} },
  jobs: {
    partition: S("id"),
    ttl: "expiresAt",
    indexes: {
      /** Sparse: only jobs that no apartment has admitted. */
      unsent: { partition: N("unsentShard"), sort: N("createdAt"), include: ["apartmentId"] },
      byVm: { partition: S("vmId"), sort: N("createdAt"), include: [] },
      byAccount: { partition: S("account"), sort: N("createdAt"), include: [] },
      byKind: listing(N("createdAt")),
    },
  },
  idempotency: { partition: S("key"), ttl: "expiresAt", indexes: {} },
  /** A host's items: `host`, `heartbeat`, `inventory`, and `vm#<vmId>` for each reservation. */
  hosts: {
    partition: S("hostId"),
    sort: S("item"),
    ttl: "expiresAt",
    indexes: {
      byKind: listing(S("hostId")),
      /** Sparse: hosts that are Up; what placement needs to choose among them. (Index names have 3 characters or more.) */
      placeable: {
        partition: S("placement"),
        sort: S("hostId"),
        include: [
          "state",
          "capacity",
          "reserved",
          "labels",
          "maintenance",
          "bootId",
          "bootOrdinal",
          "queueUrl",
          "migrationUri",
        ],
      },
    },
  },
  incidents: {
    partition: S("id"),
    ttl: "expiresAt",
    indexes: {
      byAccount: { partition: S("account"), sort: N("openedAt"), include: [] },
      byKind: listing(N("openedAt")),
    },
  },
  /**
   * The events' log (`shared/aws/dynamo-event-store.ts`): `event#<id>` is an event; `<stream>#<shard>` has its pages, by
   * number; the head of a shard is number 0 of its `all` stream.
   */
  events: { partition: S("stream"), sort: N("page"), ttl: "expiresAt", indexes: {} },
  /** `id` of one that waits; `#`: how many do. */
  interests: { partition: S("prefix"), sort: S("id"), ttl: "expiresAt", indexes: {} },
  tokens: { partition: S("id"), indexes: { byKind: listing(N("createdAt")) } },
} as const satisfies Readonly<Record<string, TableShape>>;

export type TableName = keyof typeof TABLES;
