/**
 * One VM and what its hosts would answer, decided turn by turn by the real decision until nothing is active: what the
 * engine makes of a disagreement, seen from outside. Hosts answer at once, or never.
 */
import { decide } from "../../shared/core/decide.ts";
import type { ApartmentMessageBody } from "../../shared/model/apartment-message.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { CommandEffect, Effect } from "../../shared/model/effect.ts";
import type { FenceScope, HostFact } from "../../shared/model/host.ts";
import type { HostId } from "../../shared/model/ids.ts";
import type { Power } from "../../shared/model/power.ts";
import type { Settings } from "../../shared/model/settings.ts";
import { registry } from "../../shared/work/registry.ts";
import type { Said } from "../../shared/work/verify-rules.ts";
import { aHostFact, aMessage, hostId, nextBatch, otherHostId, settings, T0 } from "./a-record.ts";

/** What a host answers, or how it changes with time; `busy`: an earlier command still runs there. */
export type Answers = Said | "busy" | ((run: VerifyRun) => Said | "busy");
type EffectOf<K extends Effect["kind"]> = Extract<Effect, { kind: K }>;

const TURNS_MAX = 400;

export class VerifyRun {
  record: ApartmentRecord;
  now = T0;
  /** All effects that were ever committed, in order. */
  readonly effects: Effect[] = [];
  readonly answers: Map<HostId, Answers>;
  /** Hosts that power nothing off. */
  readonly stubborn = new Set<HostId>();
  private readonly hosts: Map<HostId, HostFact | null>;
  private readonly settings: Settings;
  private readonly seqs = new Map<HostId, number>();

  constructor(
    record: ApartmentRecord,
    answers: readonly (readonly [HostId, Answers])[],
    world: {
      readonly hosts?: readonly (readonly [HostId, HostFact | null])[];
      readonly settings?: Partial<Settings>;
    } = {},
  ) {
    this.record = record;
    this.answers = new Map(answers);
    this.hosts = new Map([
      ...[hostId, otherHostId].map((id) => [id, aHostFact({ hostId: id })] as const),
      ...(world.hosts ?? []),
    ]);
    this.settings = { ...settings, ...world.settings };
  }

  /** A report of a host says so. */
  observed(host: HostId, power: Power, detail?: string): this {
    const seq = this.nextSeq(host);
    return this.hear({
      kind: "observed",
      hostId: host,
      bootOrdinal: 1,
      seq,
      power,
      receivedAt: this.now,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  /** The host is fenced, by its operator or by its lease. */
  fenced(host: HostId, scope: FenceScope = "all"): this {
    return this.hear({ kind: "host-fenced", hostId: host, bootOrdinal: 2, scope, at: this.now });
  }

  /** The sweeper sees what is due. */
  wake(): this {
    const dueAt = this.record.wakeAt;
    if (dueAt === undefined) throw new Error("nothing is due");
    this.now = Math.max(this.now, dueAt);
    return this.hear({ kind: "wake", dueAt });
  }

  /** Until the job that is active has ended; its hosts answer as they do. */
  toTheEnd(): this {
    for (let turns = 0; turns < TURNS_MAX; turns += 1) {
      if (this.record.active === undefined) return this;
      this.goOn();
    }
    throw new Error(`${this.record.active?.step} does not end`);
  }

  /** One more thing happens to the active job. */
  goOn(): this {
    const { record } = this;
    const command = of(record.effects, "command")[0];
    if (command !== undefined && record.active?.waitFor.kind === "result")
      return this.answer(command);
    const reserve = of(record.effects, "reserve")[0];
    if (reserve !== undefined && record.active?.waitFor.kind === "reserved") {
      const { jobId, attempt, hostId: at, boot } = reserve;
      const outcome = { status: "held", ...boot } as const;
      return this.hear({ kind: "reserved", jobId, attempt, hostId: at, outcome });
    }
    return this.wake();
  }

  hear(body: ApartmentMessageBody): this {
    const decision = decide(
      this.record,
      {
        messages: [{ ok: true, message: aMessage(body) }],
        source: nextBatch(this.record),
      },
      {
        facts: { candidates: this.candidates, hosts: this.hosts, jobs: new Map() },
        settings: this.settings,
        work: registry,
        now: this.now,
      },
    );
    if (decision.kind === "needs") throw new Error(`wants ${JSON.stringify(decision.facts)}`);
    if (decision.kind === "commit") {
      this.record = decision.record;
      this.effects.push(...decision.record.effects);
    }
    return this;
  }

  all<K extends Effect["kind"]>(kind: K): readonly EffectOf<K>[] {
    return of(this.effects, kind);
  }

  /** Kinds of the incidents that are open. */
  get open(): readonly string[] {
    return this.record.openIncidents.map(({ kind }) => kind);
  }

  /** Topics of a family that were told, with their details. */
  told(family: string): readonly Readonly<Record<string, unknown>>[] {
    return this.all("event")
      .filter(({ event }) => event.family === family)
      .map(({ event }) => event.detail);
  }

  private get candidates(): readonly HostFact[] {
    return [...this.hosts.values()].flatMap((host) => (host?.state === "Up" ? [host] : []));
  }

  private answer({ commandId, epoch, hostId: at, call }: CommandEffect): this {
    const answers = this.answers.get(at) ?? "silent";
    const said = typeof answers === "function" ? answers(this) : answers;
    if (said === "silent") return this.wake();
    if (call.verb === "start") this.answers.set(at, "on");
    const kills = call.verb === "poweroff" && !this.stubborn.has(at);
    if (kills) this.answers.set(at, "off");
    const refuses = call.verb === "poweroff" && !kills;
    return this.hear({
      kind: "result",
      hostId: at,
      bootOrdinal: 1,
      seq: this.nextSeq(at),
      commandId,
      epoch,
      receivedAt: this.now,
      status: refuses ? "failed" : "done",
      power: kills ? "off" : call.verb === "start" ? "on" : POWERS[said],
      ...(refuses ? { code: "libvirt_1" } : {}),
      ...(said === "missing" ? { code: "not_found" } : {}),
      ...(said === "busy" ? { busy: true } : {}),
    });
  }

  private nextSeq(host: HostId): number {
    const seq = (this.seqs.get(host) ?? 100) + 1;
    this.seqs.set(host, seq);
    return seq;
  }
}

const POWERS = {
  on: "on",
  paused: "paused",
  off: "off",
  crashed: "crashed",
  missing: "off",
  unknown: "unknown",
  busy: "off",
} as const;

function of<K extends Effect["kind"]>(effects: readonly Effect[], kind: K) {
  return effects.filter((effect): effect is EffectOf<K> => effect.kind === kind);
}
