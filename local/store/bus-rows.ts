/** The bus model's durable part as rows: deliveries that are not acknowledged, and when each schedule last fired. */
import type { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import {
  type BusChange,
  type BusState,
  type Delivery,
  evolve,
} from "../../shared/memory/bus-state.ts";
import type { ArchiveRows } from "./archive-rows.ts";

export interface BusRows {
  /** To be called within a transaction. Leases are not written. */
  readonly write: (changes: readonly BusChange[]) => void;
  /** Brings what is stored into a new state. */
  readonly load: (state: BusState) => void;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS bus_delivery (id TEXT PRIMARY KEY, delivery TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS bus_schedule (rule_arn TEXT PRIMARY KEY, fired_at INTEGER NOT NULL) STRICT;`;

const DeliverySchema = z.object({
  id: z.string(),
  ordinal: z.number(),
  ruleArn: z.string(),
  destination: z.object({
    kind: z.enum(["function", "queue", "deadLetterQueue"]),
    arn: z.string(),
  }),
  payload: z.string(),
  createdAt: z.number(),
  failures: z.number(),
  nextAttemptAt: z.number(),
  retriesMax: z.number(),
  eventAgeSecondsMax: z.number(),
  deadLetterArn: z.optional(z.string()),
  deadLetterAttributes: z.optional(z.record(z.string(), z.string())),
});
const DeliveryRow = z.object({ delivery: z.string() });
const ScheduleRow = z.object({ rule_arn: z.string(), fired_at: z.number() });

/** The rows of the bus model in this database; makes the tables where they are missing. */
export function busRows(db: DatabaseSync, archive: Pick<ArchiveRows, "keep">): BusRows {
  db.exec(TABLES);
  const put = db.prepare("INSERT OR REPLACE INTO bus_delivery VALUES (?, ?)");
  const remove = db.prepare("DELETE FROM bus_delivery WHERE id = ?");
  const fired = db.prepare("INSERT OR REPLACE INTO bus_schedule VALUES (?, ?)");
  const writeOne = (change: BusChange) => {
    switch (change.kind) {
      case "deliveryPut":
        put.run(change.delivery.id, JSON.stringify(change.delivery));
        return;
      case "deliveryRemoved":
        remove.run(change.id);
        return;
      case "deliveryLeased":
        return;
      case "eventArchived":
        archive.keep(change.archived);
        return;
      case "scheduleFired":
        fired.run(change.ruleArn, change.at);
        return;
      default:
        change satisfies never;
    }
  };
  return {
    write: (changes) => {
      for (const change of changes) writeOne(change);
    },
    load: (state) => {
      for (const row of db.prepare("SELECT rule_arn, fired_at FROM bus_schedule").iterate()) {
        const { rule_arn: ruleArn, fired_at: at } = z.parse(ScheduleRow, row);
        evolve(state, [{ kind: "scheduleFired", ruleArn, at }]);
      }
      for (const row of db.prepare("SELECT delivery FROM bus_delivery").iterate()) {
        const delivery: Delivery = z.parse(
          DeliverySchema,
          JSON.parse(z.parse(DeliveryRow, row).delivery),
        );
        evolve(state, [{ kind: "deliveryPut", delivery }]);
      }
    },
  };
}
