/** The only list of work types. */
import type { AnyWorkType, WorkRegistry } from "../core/work-type.ts";
import { hostEvacuate } from "./host-evacuate.ts";
import { vmAttach } from "./vm-attach.ts";
import { vmDeleteSnapshot } from "./vm-delete-snapshot.ts";
import { vmDestroy } from "./vm-destroy.ts";
import { vmDetach } from "./vm-detach.ts";
import { vmExpunge } from "./vm-expunge.ts";
import { vmHaRestart } from "./vm-ha-restart.ts";
import { vmMigrate } from "./vm-migrate.ts";
import { vmReboot } from "./vm-reboot.ts";
import { vmRecover } from "./vm-recover.ts";
import { vmResume } from "./vm-resume.ts";
import { vmRevert } from "./vm-revert.ts";
import { vmScale } from "./vm-scale.ts";
import { vmSnapshot } from "./vm-snapshot.ts";
import { vmDeploy, vmStart } from "./vm-start.ts";
import { vmStop } from "./vm-stop.ts";
import { vmSuspend } from "./vm-suspend.ts";
import { vmVerify } from "./vm-verify.ts";

export const registry: WorkRegistry = byName([
  ...[vmDeploy, vmStart, vmStop, vmReboot, vmSuspend, vmResume, vmMigrate],
  ...[vmDestroy, vmRecover, vmExpunge, vmScale],
  ...[vmSnapshot, vmRevert, vmDeleteSnapshot, vmAttach, vmDetach],
  ...[vmVerify, vmHaRestart],
  hostEvacuate,
]);

/** A registry of these types; a name given twice is a bug. */
export function byName(types: readonly AnyWorkType[]): WorkRegistry {
  const named = new Map(types.map((type) => [type.name, type]));
  if (named.size !== types.length) throw new Error("two work types have one name");
  return named;
}
