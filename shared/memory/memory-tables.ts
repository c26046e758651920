/** The tables of the ports in memory; also the handle by which a test or a simulation looks at what is stored. */
import { ApartmentRecord, HostApartmentRecord } from "../model/apartment-record.ts";
import { Heartbeat, HostRecord, Inventory } from "../model/host.ts";
import { IncidentRecord } from "../model/incident.ts";
import { JobRecord } from "../model/job.ts";
import { Joiners } from "../model/join.ts";
import type { Schema } from "../model/read-changes.ts";
import {
  DescribedRow,
  DomainRow,
  EventRow,
  IdempotencyRow,
  InterestRow,
  PastHostRow,
  ReservationRow,
} from "../model/rows.ts";
import { TokenRecord } from "../model/token.ts";
import { type Keeping, memoryTable } from "./memory-table.ts";

export type MemoryTables = ReturnType<typeof memoryTables>;

export function memoryTables(keeping: Keeping = "checked") {
  const table = <T>(schema: Schema<T>) => memoryTable(schema, keeping);
  return {
    apartments: table(ApartmentRecord),
    hostApartments: table(HostApartmentRecord),
    /** Key: `domainKey`. */
    domains: table(DomainRow),
    jobs: table(JobRecord),
    /** Who is to be told of a job's end, by its id. */
    joiners: table(Joiners),
    /** Key: `idempotencyKey`. */
    idempotency: table(IdempotencyRow),
    hosts: table(HostRecord),
    heartbeats: table(Heartbeat),
    inventories: table(Inventory),
    /** Key: `reservationKey`. */
    described: table(DescribedRow),
    /** Hosts that were forgotten. */
    pastHosts: table(PastHostRow),
    /** Key: `reservationKey`. */
    reservations: table(ReservationRow),
    incidents: table(IncidentRecord),
    /** In the order in which they were recorded. */
    events: table(EventRow),
    /** Key: the interest's id. */
    interests: table(InterestRow),
    tokens: table(TokenRecord),
  };
}

export function domainKey(vmId: string, version: number): string {
  return `${vmId}/${version}`;
}

export function idempotencyKey({
  account,
  key,
}: {
  readonly account: string;
  readonly key: string;
}): string {
  return `${account}#${key}`;
}

export function reservationKey({
  hostId,
  vmId,
}: {
  readonly hostId: string;
  readonly vmId: string;
}): string {
  return `${hostId}/${vmId}`;
}

/** What every store in memory works with. Time comes from the clock alone. */
export type MemoryStoreDeps = {
  readonly tables: MemoryTables;
  readonly clock: { readonly now: () => number };
};
