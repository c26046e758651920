/**
 * One VM, the hosts that may have it, and everything between them that may be late, lost, doubled or out of order: the real
 * decision against hosts whose truth anybody changes at any time. There are no jobs but the system's own.
 *
 *  1. What hosts say arrives in any order, more than once, or never; commands arrive in order and are answered, however late.
 *  2. Each commit that takes a new state from hosts is held to what they last said (`sim/checks/evidence.ts`).
 */
import { decide } from "../../shared/core/decide.ts";
import type { ApartmentMessageBody } from "../../shared/model/apartment-message.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { CommandEffect } from "../../shared/model/effect.ts";
import { BootId, type HostId } from "../../shared/model/ids.ts";
import type { Power } from "../../shared/model/power.ts";
import { registry } from "../../shared/work/registry.ts";
import { wrongEvidence } from "../../sim/checks/evidence.ts";
import { aHostFact, aMessage, nextBatch, settings, T0 } from "./a-record.ts";

/** What is true at a host: `missing` where its hypervisor knows no such VM. */
export type Truth = Power;

export class SyncHost {
  readonly hostId: HostId;
  truth: Truth;
  bootOrdinal = 1;
  silent = false;
  inbox: CommandEffect[] = [];
  private seq = 0;

  constructor(hostId: HostId, truth: Truth) {
    this.hostId = hostId;
    this.truth = truth;
  }

  get bootId(): BootId {
    return BootId.parse(`boot-${String(this.bootOrdinal).padStart(4, "0")}`);
  }

  get hasIt(): boolean {
    return this.truth === "on" || this.truth === "paused";
  }

  /** A report's word on the VM. */
  report(receivedAt: number): ApartmentMessageBody {
    return { kind: "observed", ...this.order(), power: this.truth, receivedAt };
  }

  /** What it answers to the next command; the command is done. */
  answer(receivedAt: number): ApartmentMessageBody | undefined {
    const command = this.inbox.shift();
    if (command === undefined) return undefined;
    const { commandId, epoch, bootId, call } = command;
    const about = { kind: "result" as const, commandId, epoch, receivedAt };
    if (bootId !== this.bootId) return { ...about, ...this.order(), status: "stale" };
    if (call.verb === "poweroff" && this.hasIt) this.truth = "off";
    const power = this.truth === "missing" ? "off" : this.truth;
    const code = this.truth === "missing" ? { code: "not_found" } : {};
    return { ...about, ...this.order(), status: "done", power, ...code };
  }

  restart(): void {
    this.bootOrdinal += 1;
    this.seq = 0;
  }

  private order() {
    this.seq += 1;
    return { hostId: this.hostId, bootOrdinal: this.bootOrdinal, seq: this.seq };
  }
}

/** Far more turns than any world takes to come to rest. */
const ROUNDS_MAX = 3_000;

export class SyncWorld {
  record: ApartmentRecord;
  now = T0;
  readonly hosts: ReadonlyMap<HostId, SyncHost>;
  /** On their way. */
  flight: ApartmentMessageBody[] = [];
  /** Hosts with room held for the VM. */
  readonly rooms = new Set<HostId>();
  /** Jobs that began since everybody is there. */
  private looks = 0;

  constructor(record: ApartmentRecord, hosts: readonly SyncHost[]) {
    this.record = record;
    this.hosts = new Map(hosts.map((each) => [each.hostId, each]));
    if (record.vm.hostId !== undefined) this.rooms.add(record.vm.hostId);
  }

  /** The i-th message on its way arrives, and may arrive again. */
  deliver(index: number, copy: "last" | "doubled"): void {
    const at = index % Math.max(1, this.flight.length);
    const body = this.flight[at];
    if (body === undefined) return;
    if (copy === "last") this.flight.splice(at, 1);
    this.hear(body);
  }

  /** A report may be lost; a result is repeated until it is accepted. */
  lose(index: number): void {
    const body = this.flight[index % Math.max(1, this.flight.length)];
    if (body?.kind === "observed") this.flight = this.flight.filter((each) => each !== body);
  }

  report(host: SyncHost): void {
    if (!host.silent) this.flight.push(host.report(this.now));
  }

  act(host: SyncHost): void {
    const said = host.silent ? undefined : host.answer(this.now);
    if (said !== undefined) this.flight.push(said);
  }

  /** The sweeper sees what is due. */
  tick(): void {
    const { wakeAt } = this.record;
    if (wakeAt === undefined) return;
    this.now = Math.max(this.now, wakeAt);
    this.hear({ kind: "wake", dueAt: wakeAt });
  }

  /** Everybody is there, and says what is true; then everything takes its course until nothing is left to do. */
  converge(): void {
    this.looks = 0;
    for (const host of this.hosts.values()) {
      host.silent = false;
      this.report(host);
    }
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
      const busy = [...this.hosts.values()].find(({ inbox }) => inbox.length > 0);
      if (this.flight.length > 0) this.deliver(0, "last");
      else if (busy !== undefined) this.act(busy);
      else if (this.isSettled()) return;
      else this.tick();
    }
    throw new Error("the world does not come to rest");
  }

  nth(index: number): SyncHost {
    const host = [...this.hosts.values()][index];
    if (host === undefined) throw new Error(`the world has no host ${index}`);
    return host;
  }

  /** Hosts that have the VM. */
  having(): readonly SyncHost[] {
    return [...this.hosts.values()].filter(({ hasIt }) => hasIt);
  }

  /** Nothing is due, or only another look at what was looked at with everybody there. */
  private isSettled(): boolean {
    const { active, recheck } = this.record;
    return active === undefined && (recheck === undefined || this.looks > 1);
  }

  private hear(body: ApartmentMessageBody): void {
    const before = this.record;
    const decision = decide(
      before,
      {
        messages: [{ ok: true, message: aMessage(body) }],
        source: nextBatch(before),
      },
      {
        facts: {
          candidates: [],
          hosts: new Map(
            [...this.hosts.values()].map(({ hostId, bootId, bootOrdinal }) => [
              hostId,
              aHostFact({ hostId, bootId, bootOrdinal }),
            ]),
          ),
          jobs: new Map(),
        },
        settings,
        work: registry,
        now: this.now,
      },
    );
    if (decision.kind === "needs") throw new Error(`wants ${JSON.stringify(decision.facts)}`);
    if (decision.kind === "nothing") return;
    this.record = decision.record;
    const wrong = wrongEvidence(before, this.record);
    if (wrong !== undefined) throw new Error(wrong);
    const began =
      this.record.active !== undefined && this.record.active.jobId !== before.active?.jobId;
    if (began) this.looks += 1;
    this.send();
  }

  private send(): void {
    for (const effect of this.record.effects) {
      if (effect.kind === "command") this.hosts.get(effect.hostId)?.inbox.push(effect);
      if (effect.kind === "release") this.rooms.delete(effect.hostId);
      if (effect.kind === "job" || effect.kind === "new-job") {
        const error = effect.kind === "job" ? effect.error : effect.job.error;
        if (error?.code === "poison_message") throw new Error(error.detail);
      }
      if (effect.kind !== "reserve") continue;
      const { jobId, attempt, hostId, boot } = effect;
      this.rooms.add(hostId);
      const outcome = { status: "held", ...boot } as const;
      this.flight.push({ kind: "reserved", jobId, attempt, hostId, outcome });
    }
  }
}
