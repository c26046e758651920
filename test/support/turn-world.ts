/**
 * One apartment and everything around it, for properties over interleavings: a FIFO group, workers that run the real
 * `takeTurn`, a host that obeys. Every port call stops at a gate; the driver decides which goes on, which worker dies
 * there, and whether it dies before or after the call took effect.
 *
 * It watches the invariants while it runs and throws, naming the one that broke.
 */

import type { TurnDeps } from "../../shared/app/take-turn.ts";
import { takeTurn } from "../../shared/app/take-turn.ts";
import type { TurnMessage } from "../../shared/core/decide.ts";
import type { WorkRegistry } from "../../shared/core/work-type.ts";
import type {
  ApartmentMessage,
  ApartmentMessageBody,
} from "../../shared/model/apartment-message.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { Command } from "../../shared/model/command.ts";
import type { Effect } from "../../shared/model/effect.ts";
import { LogicalId } from "../../shared/model/ids.ts";
import { hasEnded, type JobRecord } from "../../shared/model/job.ts";
import { aHostFact, aMessage, aRecord, hostId, settings, T0, vmId } from "./a-record.ts";

/** What the driver does to the next port call that waits. */
export type Fate = "pass" | "die_before" | "die_after";
type Waiting = { readonly worker: Worker; readonly release: (fate: Fate) => void };
type Queued = { readonly sequence: number; readonly message: TurnMessage };
type Worker = { dead: boolean; done: boolean; readonly promise: Promise<void> };

class WorkerDied extends Error {}

export class TurnWorld {
  record: ApartmentRecord;
  readonly jobs = new Map<string, JobRecord>();
  readonly history: ApartmentRecord[] = [];
  readonly waiting: Waiting[] = [];
  readonly workers = new Set<Worker>();
  readonly commands = new Map<string, Command>();
  queue: Queued[] = [];
  now = T0;
  private sequence = 0;
  private inlineTurns = 0;
  private readonly sent = new Set<string>();
  private readonly ended = new Map<string, number>();
  private readonly work: WorkRegistry | undefined;
  private power: "on" | "off" = "off";
  private hostSeq = 0;

  constructor(record: ApartmentRecord = aRecord(), work?: WorkRegistry) {
    this.record = record;
    this.work = work;
  }

  /** A job's record and its message, as `submit-verb` makes them. */
  submit(job: JobRecord): void {
    this.jobs.set(job.id, job);
    this.send(aMessage({ kind: "submit", jobId: job.id }));
  }

  send(message: ApartmentMessage): void {
    this.sendRaw({ ok: true, message });
  }

  sendRaw(message: TurnMessage): void {
    this.sequence += 1;
    this.queue.push({ sequence: this.sequence, message });
  }

  /** Delivers the first messages of the group to a new worker; FIFO gives no later ones while these are there. */
  deliver(count: number): void {
    const batch = this.queue.slice(0, Math.max(1, count));
    const [first, last] = [batch[0], batch.at(-1)];
    if (first === undefined || last === undefined) return;
    this.run(
      batch.map((each) => each.message),
      { kind: "queue", lowestSequence: `${first.sequence}`, highestSequence: `${last.sequence}` },
      () => {
        this.queue = this.queue.filter((each) => !batch.includes(each));
      },
    );
  }

  /** An inline turn, as PATCH and pause run it. */
  inline(body: ApartmentMessageBody): void {
    this.inlineTurns += 1;
    const logicalId = LogicalId.parse(`inline:${this.inlineTurns}`);
    this.run([{ ok: true, message: { v: 1, logicalId, body } }], { kind: "inline" }, () => {});
  }

  /** Lets the i-th waiting port call go on. */
  step(index: number, fate: Fate): void {
    const chosen = this.waiting.splice(index % Math.max(1, this.waiting.length), 1)[0];
    chosen?.release(fate);
  }

  /** Waits until every worker stands at a gate, is done or is dead. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 20; turns += 1)
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** No more faults: everything is delivered, due times come, until nothing is left to do. */
  async drain(): Promise<void> {
    for (let rounds = 0; rounds < 2_000; rounds += 1) {
      await this.settle();
      if (this.waiting.length > 0) this.step(0, "pass");
      else if (this.queue.length > 0) this.deliver(10);
      else if (this.record.wakeAt !== undefined) this.wake(this.record.wakeAt);
      else return;
    }
    throw new Error("A8: the world does not come to rest");
  }

  /** What must hold once nothing is left to do. */
  assertAtRest(): void {
    if (this.record.active !== undefined) throw new Error("A8: a job waits though nothing is due");
    for (const job of this.jobs.values()) {
      if (!hasEnded(job.status)) throw new Error(`A7: job ${job.id} is ${job.status}`);
      const ends = this.ended.get(job.id);
      if (ends !== 1) throw new Error(`A7: job ${job.id} ended ${ends} times`);
    }
    this.assertSent(this.record.effects, "at rest");
  }

  private wake(dueAt: number): void {
    this.now = Math.max(this.now, dueAt);
    this.send(aMessage({ kind: "wake", dueAt }));
  }

  private run(
    messages: readonly TurnMessage[],
    source: Parameters<typeof takeTurn>[1]["source"],
    acknowledge: () => void,
  ): void {
    const worker: Worker = { dead: false, done: false, promise: Promise.resolve() };
    const turn = takeTurn(this.depsOf(worker), { apartmentId: vmId, messages, source }).then(
      () => {
        worker.done = true;
        if (!worker.dead) acknowledge();
        this.workers.delete(worker);
      },
      (error: unknown) => {
        this.workers.delete(worker);
        if (!worker.dead) throw error;
      },
    );
    Object.assign(worker, { promise: turn });
    this.workers.add(worker);
  }

  /** Stops at a gate, then does it; a dead worker does nothing any more. */
  private async call<T>(worker: Worker, effect: () => T): Promise<T> {
    const fate = await new Promise<Fate>((release) => {
      if (worker.dead) release("die_before");
      else this.waiting.push({ worker, release });
    });
    if (worker.dead || fate === "die_before") {
      worker.dead = true;
      throw new WorkerDied();
    }
    const answer = effect();
    if (fate === "die_after") {
      worker.dead = true;
      throw new WorkerDied();
    }
    return structuredClone(answer);
  }

  private commit(next: ApartmentRecord): "committed" | "conflict" {
    if (next.version !== this.record.version + 1) return "conflict";
    this.assertSent(this.record.effects, `version ${this.record.version} was overwritten`); // A4
    if (
      next.active !== undefined &&
      (next.wakeAt ?? Number.POSITIVE_INFINITY) > next.active.deadlineAt
    )
      throw new Error("A8: wakeAt does not cover the active job's deadline");
    for (const effect of next.effects)
      if (effect.kind === "job" && hasEnded(effect.status))
        this.ended.set(effect.jobId, (this.ended.get(effect.jobId) ?? 0) + 1);
    this.record = structuredClone(next);
    this.history.push(this.record);
    return "committed";
  }

  private assertSent(effects: readonly Effect[], when: string): void {
    const lost = effects.find((effect) => !this.sent.has(JSON.stringify(effect)));
    if (lost !== undefined) throw new Error(`A4: a ${lost.kind} effect was never sent; ${when}`);
  }

  private noteSent(match: (effect: Effect) => boolean): void {
    for (const record of [...this.history, this.record])
      for (const effect of record.effects) if (match(effect)) this.sent.add(JSON.stringify(effect));
  }

  /** The host does each command once and says so; its answer comes on the queue. */
  private obey(command: Command): void {
    this.noteSent((effect) => effect.kind === "command" && effect.commandId === command.commandId);
    if (this.commands.has(command.commandId)) return;
    this.commands.set(command.commandId, command);
    if (command.verb === "start") this.power = "on";
    if (command.verb === "shutdown" || command.verb === "poweroff") this.power = "off";
    this.hostSeq += 1;
    const { commandId, epoch } = command;
    this.send(
      aMessage({
        kind: "result",
        hostId,
        bootOrdinal: 1,
        seq: this.hostSeq,
        commandId,
        epoch,
        status: "done",
        power: this.power,
        receivedAt: this.now,
      }),
    );
  }

  private depsOf(worker: Worker): TurnDeps {
    const gate = <T>(effect: () => T) => this.call(worker, effect);
    const nothing = async () => {
      throw new Error("not used by a turn");
    };
    return {
      settings,
      ...(this.work === undefined ? {} : { work: this.work }),
      clock: { now: () => this.now, sleep: nothing },
      telemetry: { count: () => {}, log: () => {} },
      apartments: {
        read: () => gate(() => this.record),
        load: (_id, jobIds) =>
          gate(() => ({
            record: this.record,
            jobs: jobIds.flatMap((id) => this.jobs.get(id) ?? []),
          })),
        commit: (next) => gate(() => this.commit(next)),
        list: nothing,
        due: nothing,
        readDomainXml: nothing,
      },
      jobs: {
        read: (id) => gate(() => this.jobs.get(id)),
        project: (effect) =>
          gate(() => {
            this.noteSent((each) => each.kind === "job" && same(each, effect));
            const job = this.jobs.get(effect.jobId);
            if (job === undefined) return { status: "missing" as const };
            if (job.revision >= effect.revision || hasEnded(job.status))
              return { status: "superseded" as const };
            const { kind: _, ...parts } = effect;
            this.jobs.set(job.id, {
              ...job,
              ...parts,
              journal: [...job.journal, ...effect.journal],
            });
            return { status: "projected" as const };
          }),
        list: nothing,
        unsent: nothing,
      },
      placement: {
        candidates: () => gate(() => [aHostFact()]),
        host: () => gate(() => aHostFact()),
        reserve: (effect) =>
          gate(() => {
            this.noteSent((each) => same(each, effect));
            return { status: "held" as const };
          }),
        release: (release) =>
          gate(() => this.noteSent((each) => same(each, { ...release, kind: "release" }))),
      },
      apartmentQueue: {
        send: (messages) =>
          gate(() => {
            for (const { message } of messages) {
              this.noteSent((each) => each.kind === "message" && same(each.message, message));
              this.send(message);
            }
          }),
      },
      commandQueues: {
        access: { region: "local" },
        create: nothing,
        remove: nothing,
        credentials: nothing,
        send: (_url, command) =>
          gate(() => {
            this.obey(command);
            return "sent" as const;
          }),
      },
      bus: {
        put: (events) =>
          gate(() => {
            const ids = new Set(events.map((event) => event.id));
            this.noteSent((each) => each.kind === "event" && ids.has(each.event.id));
          }),
      },
      incidents: {
        open: (incident) =>
          gate(() => {
            this.noteSent(
              (each) => each.kind === "open-incident" && each.incident.id === incident.id,
            );
            return "opened" as const;
          }),
        resolve: (id) =>
          gate(() => {
            this.noteSent((each) => each.kind === "resolve-incident" && each.incidentId === id);
            return "resolved" as const;
          }),
        read: nothing,
        list: nothing,
      },
    };
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
