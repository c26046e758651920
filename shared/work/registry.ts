/** The only list of work types. */
import type { AnyWorkType, WorkRegistry } from "../core/work-type.ts";
import { vmMigrate } from "./vm-migrate.ts";
import { vmDeploy, vmStart } from "./vm-start.ts";
import { vmStop } from "./vm-stop.ts";

export const registry: WorkRegistry = byName([vmStart, vmDeploy, vmStop, vmMigrate]);

/** A registry of these types; a name given twice is a bug. */
export function byName(types: readonly AnyWorkType[]): WorkRegistry {
  const named = new Map(types.map((type) => [type.name, type]));
  if (named.size !== types.length) throw new Error("two work types have one name");
  return named;
}
