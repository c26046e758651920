/** One job in one apartment, decided step by step by the real decision: what a work type does, seen from outside. */
import { decide, type TurnMessage } from "../../shared/core/decide.ts";
import type { WorkRegistry } from "../../shared/core/work-type.ts";
import type { ApartmentMessageBody, ResultBody } from "../../shared/model/apartment-message.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { Effect } from "../../shared/model/effect.ts";
import type { HostFact } from "../../shared/model/host.ts";
import type { HostId } from "../../shared/model/ids.ts";
import type { JobRecord } from "../../shared/model/job.ts";
import type { Settings } from "../../shared/model/settings.ts";
import { registry } from "../../shared/work/registry.ts";
import {
  aHostFact,
  aJob,
  aMessage,
  hostId,
  nextBatch,
  otherHostId,
  settings,
  T0,
} from "./a-record.ts";

type EffectOf<K extends Effect["kind"]> = Extract<Effect, { kind: K }>;

export class OneJob {
  record: ApartmentRecord;
  now = T0;
  private job: JobRecord;
  private readonly hosts: readonly HostFact[];
  private readonly settings: Settings;
  private readonly work: WorkRegistry;
  private seq = 100;
  /** The last command that was sent, by whichever commit. */
  private sent: EffectOf<"command"> | undefined;

  constructor(
    record: ApartmentRecord,
    job: Partial<JobRecord>,
    world: {
      readonly hosts?: readonly HostFact[];
      readonly settings?: Partial<Settings>;
      readonly work?: WorkRegistry;
    } = {},
  ) {
    this.record = record;
    this.job = aJob(1, job);
    this.hosts = world.hosts ?? [aHostFact()];
    this.work = world.work ?? registry;
    this.settings = { ...settings, ...world.settings };
    this.hear({ kind: "submit", jobId: this.job.id });
  }

  /** The next job of the same VM, once the last has ended; what is asked of this from now on is about that one. */
  submitAnother(n: number, job: Partial<JobRecord>): this {
    this.job = aJob(n, job);
    return this.hear({ kind: "submit", jobId: this.job.id });
  }

  /** The effects of the last commit, of one kind. */
  effects<K extends Effect["kind"]>(kind: K): readonly EffectOf<K>[] {
    return this.record.effects.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  /** The last projection of the job. */
  get ended(): EffectOf<"job"> | undefined {
    return this.effects("job").find((effect) => effect.jobId === this.job.id);
  }

  get command(): EffectOf<"command"> {
    const [command] = this.effects("command");
    if (command === undefined) throw new Error("the last commit sent no command");
    return command;
  }

  hear(...bodies: readonly ApartmentMessageBody[]): this {
    return this.turn(bodies.map((body) => ({ ok: true, message: aMessage(body) })));
  }

  /** A turn; does nothing if nothing was new. */
  turn(messages: readonly TurnMessage[]): this {
    const decision = decide(
      this.record,
      { messages, source: nextBatch(this.record) },
      {
        facts: {
          candidates: this.hosts.filter((host) => host.state === "Up"),
          hosts: new Map(
            [hostId, otherHostId].map((id) => [
              id,
              this.hosts.find((host) => host.hostId === id) ?? null,
            ]),
          ),
          jobs: new Map([[this.job.id, this.job]]),
        },
        settings: this.settings,
        work: this.work,
        now: this.now,
      },
    );
    if (decision.kind === "needs") throw new Error(`wants ${JSON.stringify(decision.facts)}`);
    if (decision.kind === "commit") this.record = decision.record;
    this.sent = this.effects("command")[0] ?? this.sent;
    return this;
  }

  /** The answer to the reservation that the last commit asked for. */
  reserved(status: "held" | "refused", reason = "no room"): this {
    const [effect] = this.effects("reserve");
    if (effect === undefined) throw new Error("the last commit reserved nothing");
    const { jobId, attempt, hostId, boot } = effect;
    const outcome = status === "held" ? { status, ...boot } : { status, reason };
    return this.hear({ kind: "reserved", jobId, attempt, hostId, outcome });
  }

  /** The result of the last command that was sent. */
  answered(result: Partial<ResultBody> & Pick<ResultBody, "status">): this {
    if (this.sent === undefined) throw new Error("no command was sent");
    const { commandId, epoch, hostId } = this.sent;
    return this.hear(this.resultOf({ hostId, commandId, epoch }, result));
  }

  resultOf(
    command: Pick<EffectOf<"command">, "hostId" | "commandId" | "epoch">,
    result: Partial<ResultBody> & Pick<ResultBody, "status">,
  ): ResultBody {
    this.seq += 1;
    return {
      kind: "result",
      bootOrdinal: 1,
      seq: this.seq,
      receivedAt: this.now,
      hostId: command.hostId,
      commandId: command.commandId,
      epoch: command.epoch,
      ...result,
    };
  }

  /** What a report says. */
  observed(hostId: HostId, power: "on" | "off" | "paused", epoch?: number): this {
    this.seq += 1;
    return this.hear({
      kind: "observed",
      hostId,
      bootOrdinal: 1,
      seq: this.seq,
      power,
      receivedAt: this.now,
      ...(epoch === undefined ? {} : { epoch }),
    });
  }

  /** Nobody answers: the sweeper wakes the apartment when its time has come. */
  silence(): this {
    const dueAt = this.record.wakeAt;
    if (dueAt === undefined) throw new Error("nothing is due");
    this.now = dueAt;
    return this.hear({ kind: "wake", dueAt });
  }

  /** Nobody answers for as long as the job goes on asking. */
  silenceToTheEnd(): this {
    for (let n = 0; n < 200 && this.record.active !== undefined; n += 1) this.silence();
    return this;
  }
}
