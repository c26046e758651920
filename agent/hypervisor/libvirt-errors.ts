/** What libvirt's errors mean to the agent. */
import { errorText } from "../note.ts";
import { type Failure, NOT_FOUND, OUTCOME_UNKNOWN } from "./hypervisor.ts";
import { LIBVIRT_CODE } from "./libvirt-calls.ts";
import { LibvirtError } from "./rpc-client.ts";

export function hasCode(error: unknown, ...names: readonly (keyof typeof LIBVIRT_CODE)[]): boolean {
  return error instanceof LibvirtError && names.some((name) => error.code === LIBVIRT_CODE[name]);
}

/** Not here, or off: libvirt says the same of both where a running guest is needed. */
export function isNotRunning(error: unknown): boolean {
  return hasCode(error, "noDomain", "operationInvalid");
}

/** `libvirt-hypervisor.ts`, 2. */
export function failureOf(error: unknown): Failure {
  const detail = errorText(error);
  if (hasCode(error, "noDomain")) return { ok: false, code: NOT_FOUND, detail };
  if (error instanceof LibvirtError) return { ok: false, code: `libvirt_${error.code}`, detail };
  return { ok: false, code: OUTCOME_UNKNOWN, detail };
}
