/** Commands for tests, by what matters in them. */
import { Command } from "../../../shared/model/command.ts";
import { BootId, VmId } from "../../../shared/model/ids.ts";

export const BOOT = BootId.parse("boot-0001");

/** The n-th VM. */
export function vmId(n: number): VmId {
  return VmId.parse(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
}

export type CommandWish = {
  readonly commandId: string;
  readonly vm?: number;
  readonly epoch?: number;
  readonly bootId?: string;
  readonly verb?: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly timeoutSeconds?: number;
};

export function aCommand(wish: CommandWish): Command {
  const verb = wish.verb ?? "probe";
  return Command.parse({
    v: 1,
    commandId: wish.commandId,
    bootId: wish.bootId ?? BOOT,
    vmId: vmId(wish.vm ?? 1),
    jobId: "00000000-0000-7000-8000-000000000001",
    epoch: wish.epoch ?? 1,
    verb,
    args: wish.args ?? DEFAULT_ARGS[verb] ?? {},
    timeoutSeconds: wish.timeoutSeconds ?? 60,
    issuedAt: "2026-01-01T00:00:00.000Z",
  });
}

export function startArgs(overrides: Readonly<Record<string, unknown>> = {}) {
  return { name: "guest", spec: { cpus: 1, memoryMiB: 8 }, ha: false, ...overrides };
}

const DEFAULT_ARGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  start: startArgs(),
  shutdown: { graceSeconds: 30 },
};
