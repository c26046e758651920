/**
 * One apartment and everything around it, for properties over interleavings: a FIFO group, workers that run the real
 * `takeTurn`, the real stores and placement in memory, and hosts (`turn-host.ts`) that do what hosts may. Every port call
 * stops at a gate; the driver decides which goes on, which worker dies there, and whether it dies before or after the call
 * took effect.
 *
 * It watches the invariants while it runs (`turn-checks.ts`), with the hosts' truth before its eyes. What broke first is kept
 * and thrown by the next thing that the driver does, whatever caught it in between.
 */
import { sendEffects } from "../../shared/app/send-effects.ts";
import { type TurnDeps, takeTurn } from "../../shared/app/take-turn.ts";
import type { TurnMessage } from "../../shared/core/decide.ts";
import { memoryApartmentStore } from "../../shared/memory/memory-apartment-store.ts";
import { type MemoryTables, reservationKey } from "../../shared/memory/memory-tables.ts";
import type {
  ApartmentMessage,
  ApartmentMessageBody,
} from "../../shared/model/apartment-message.ts";
import type { ApartmentRecord } from "../../shared/model/apartment-record.ts";
import type { Command } from "../../shared/model/command.ts";
import type { CommandEffect, Effect } from "../../shared/model/effect.ts";
import { type HostId, type JobId, LogicalId } from "../../shared/model/ids.ts";
import { hasEnded, type JobRecord } from "../../shared/model/job.ts";
import { aMessage, aRecord, hostId as firstHostId, T0, vmId } from "./a-record.ts";
import {
  checkCommit,
  checkEnd,
  checkRoom,
  checkSettled,
  checkStart,
  checkTruth,
  type End,
  effectName,
  endsIn,
  fail,
} from "./turn-checks.ts";
import { TurnHost } from "./turn-host.ts";
import { gatedPorts } from "./turn-ports.ts";
import { type HostPlan, noteHost, turnTables } from "./turn-tables.ts";

/**
 * What the driver does to the next port call that waits. `throw`: the call fails and its worker lives on. `repeat`: its answer
 * was lost, and it is made a second time.
 */
export type Fate = "pass" | "die_before" | "die_after" | "throw_before" | "throw_after" | "repeat";
export type Worker = { dead: boolean; faulty: boolean; done: boolean };
type Waiting = { readonly worker: Worker; readonly release: (fate: Fate) => void };
type Queued = { readonly sequence: number; readonly message: TurnMessage };
type Source = Parameters<typeof takeTurn>[1]["source"];

class Fault extends Error {}

/** A VM that is verified so often, while nothing happens to it, is not settled by another time. */
const LOOKS_MAX = 3;
/** Far more than any world that comes to rest needs. */
const ROUNDS_MAX = 20_000;

export class TurnWorld {
  readonly hosts: ReadonlyMap<HostId, TurnHost>;
  readonly tables: MemoryTables;
  readonly history: ApartmentRecord[] = [];
  readonly waiting: Waiting[] = [];
  readonly workers = new Set<Worker>();
  /** Every command that was sent. */
  readonly commands = new Map<string, Command>();
  queue: Queued[] = [];
  now = T0;
  private broken: unknown;
  /** A turn commits, just now. */
  private inTurn = false;
  private sequence = 0;
  private inlineTurns = 0;
  private readonly first: ApartmentRecord;
  private readonly sent = new Set<string>();
  private readonly ends = new Map<string, End[]>();
  /** Every command that was decided, sent or not. */
  readonly addressed = new Map<string, CommandEffect>();

  constructor(
    record: ApartmentRecord = aRecord(),
    plans: readonly HostPlan[] = [{ hostId: firstHostId, roomForVms: 2 }],
  ) {
    const tables = turnTables(record, plans);
    this.tables = { ...tables, apartments: this.writtenByTurns(tables.apartments) };
    this.first = freeze(this.read());
    const host = ({ hostId, on, snapshot }: HostPlan) =>
      new TurnHost(hostId, {
        snapshot,
        on: on ?? (record.vm.state === "Running" && record.vm.hostId === hostId),
        now: () => this.now,
        aboutToTurnOn: () => this.watch(() => checkStart(hostId, this.hosts)),
        guestAt: (other) => this.hosts.get(other)?.guest,
      });
    this.hosts = new Map(plans.map((plan) => [plan.hostId, host(plan)]));
    for (const each of this.hosts.values()) noteHost(this.tables, each);
  }

  /** As it was committed last. */
  get record(): ApartmentRecord {
    return this.history.at(-1) ?? this.first;
  }

  /** A job's record and its message, as `submit-verb` makes them. */
  submit(job: JobRecord): void {
    this.tables.jobs.put(job.id, job);
    this.send(aMessage({ kind: "submit", jobId: job.id }));
  }

  /** Calls a job off, as `cancel-job` does. */
  cancel(jobId: JobId): void {
    const job = this.tables.jobs.get(jobId);
    if (job === undefined || hasEnded(job.status)) return;
    this.tables.jobs.put(jobId, { ...job, cancelRequested: true });
    this.send(aMessage({ kind: "cancel", jobId }));
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

  /** A worker that wakes late sends what a commit of long ago stored. */
  sendLate(stored: ApartmentRecord): void {
    this.follow(
      (deps) => sendEffects(deps, stored),
      () => {},
    );
  }

  /** Lets the i-th waiting port call go on. */
  step(index: number, fate: Fate): void {
    const chosen = this.waiting.splice(index % Math.max(1, this.waiting.length), 1)[0];
    chosen?.release(fate);
  }

  /** Waits until every worker stands at a gate, is done or is dead: nothing here waits for anything but gates. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.broken !== undefined) throw this.broken;
  }

  /** The agent of a host restarts and opens its session. */
  restart(host: TurnHost, disk: "kept" | "lost"): void {
    host.restart(disk);
    noteHost(this.tables, host);
  }

  /** A host falls silent, noticed or not; or is heard again. */
  hush(host: TurnHost, state: "Up" | "Disconnected" | "heard"): void {
    host.silent = state !== "heard";
    noteHost(this.tables, host, { state: state === "heard" ? "Up" : state });
  }

  /** Something that a host said arrives; the agent repeats it if it did not hear so. */
  tell(host: TurnHost, index: number, agent: "heard_so" | "repeats"): void {
    const said = host.told[index % Math.max(1, host.told.length)];
    if (said === undefined) return;
    if (agent === "heard_so") host.told = host.told.filter((each) => each !== said);
    this.send(aMessage({ ...said, receivedAt: this.now }));
  }

  /** The sweeper sees that something is due; time has come to that. */
  tick(): void {
    const dueAt = this.record.wakeAt;
    if (dueAt === undefined) return;
    this.now = Math.max(this.now, dueAt);
    this.send(aMessage({ kind: "wake", dueAt }));
  }

  /** What the apartment has to do is done, and its commands wait at their hosts. */
  async exchange(): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
      await this.settle();
      if (this.waiting.length > 0) this.step(0, "pass");
      else if (this.queue.length > 0) this.deliver(10);
      else return;
    }
    throw new Error("A8: the world does not come to rest");
  }

  /** Everything goes well, and time stands still, until nothing happens any more. */
  async calm(): Promise<void> {
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
      await this.exchange();
      if (!this.hostsGoOn()) return;
    }
    throw new Error("A8: the world does not come to rest");
  }

  /** As `calm`, and what is due comes, until nothing is left to do but to look again at what nobody can say. */
  async drain(): Promise<void> {
    let looks = 0;
    for (let rounds = 0; rounds < ROUNDS_MAX; rounds += 1) {
      await this.calm();
      const { wakeAt, active, recheck } = this.record;
      if (wakeAt === undefined) return;
      if (active === undefined && recheck?.at === wakeAt) looks += 1;
      if (looks > LOOKS_MAX) return;
      this.tick();
    }
    throw new Error("A8: the world does not come to rest");
  }

  /** What must hold once nothing is left to do. */
  assertAtRest(): void {
    const { record } = this;
    if (record.active !== undefined) fail("A8", "a job waits though nothing is due");
    if (!record.paused && record.queued.length > 0) fail("A8", "a queued job does not begin");
    for (const job of this.tables.jobs.all())
      if (!record.queued.some(({ jobId }) => jobId === job.id))
        checkEnd(job, this.ends.get(job.id) ?? []);
    this.assertSent(record.effects, "at rest");
    checkTruth(record, this.hosts);
    checkRoom(record, this.held());
    this.assertIncidents(record);
  }

  /** Where the VM is on. */
  onAt(): readonly HostId[] {
    return [...this.hosts.values()].flatMap(({ hostId, on }) => (on ? [hostId] : []));
  }

  /** Where the VM holds room. */
  held(): readonly HostId[] {
    return [...this.hosts.keys()].filter(
      (hostId) => this.tables.reservations.get(reservationKey({ hostId, vmId }))?.held === true,
    );
  }

  /** A5 */
  private writtenByTurns(table: MemoryTables["apartments"]): MemoryTables["apartments"] {
    return {
      ...table,
      put: (id, record) => {
        if (!this.inTurn) fail("A5", `version ${record.version} is written by what is no turn`);
        table.put(id, record);
      },
    };
  }

  private read(): ApartmentRecord {
    const record = this.tables.apartments.get(vmId);
    if (record === undefined) throw new Error("the world has no apartment");
    return record;
  }

  private hostsGoOn(): boolean {
    for (const host of this.hosts.values()) {
      if (host.silent) continue;
      if (host.told.length > 0) this.tell(host, 0, "heard_so");
      else if (host.pending.length > 0) host.finish(true);
      else if (host.inbox.length > 0) host.receive("obey");
      else continue;
      return true;
    }
    return false;
  }

  private run(messages: readonly TurnMessage[], source: Source, acknowledge: () => void): void {
    this.follow((deps) => takeTurn(deps, { apartmentId: vmId, messages, source }), acknowledge);
  }

  private follow(work: (deps: TurnDeps) => Promise<unknown>, acknowledge: () => void): void {
    const worker: Worker = { dead: false, faulty: false, done: false };
    this.workers.add(worker);
    work(this.depsOf(worker)).then(
      () => {
        worker.done = true;
        if (!worker.dead) acknowledge();
        this.workers.delete(worker);
      },
      (error: unknown) => {
        worker.done = true;
        this.workers.delete(worker);
        if (!worker.dead && !worker.faulty) this.broken ??= error;
      },
    );
  }

  /** Stops at a gate, then does it; a dead worker does nothing any more. */
  private async call<T>(worker: Worker, effect: () => Promise<T>): Promise<T> {
    const fate = await new Promise<Fate>((release) => {
      if (worker.dead) release("die_before");
      else this.waiting.push({ worker, release });
    });
    if (fate.startsWith("die")) worker.dead = true;
    if (fate.startsWith("throw")) worker.faulty = true;
    if (worker.dead && fate !== "die_after") throw new Fault(fate);
    if (fate === "throw_before") throw new Fault(fate);
    const first = await effect();
    const answer = fate === "repeat" ? await effect() : first;
    if (fate === "die_after" || fate === "throw_after") throw new Fault(fate);
    return freeze(answer); // A9: what a decision is given it cannot change
  }

  private depsOf(worker: Worker): TurnDeps {
    const store = memoryApartmentStore({ tables: this.tables, clock: { now: () => this.now } });
    return gatedPorts(
      {
        tables: this.tables,
        now: () => this.now,
        commit: (next) =>
          this.watch(async () => {
            if (worker.done) fail("A5", "a commit outside of a turn");
            const { record: before } = this;
            this.inTurn = true;
            const answer = await store.commit(next).finally(() => {
              this.inTurn = false;
            });
            if (answer === "committed") this.committed(before, freeze(this.read()));
            return answer;
          }),
        sent: (name) => this.sent.add(name),
        message: (message) => this.send(message),
        command: (queueUrl, command) => {
          this.commands.set(command.commandId, command);
          const host = [...this.hosts.values()].find(({ hostId }) => hostId === queueUrl);
          host?.inbox.push(command);
        },
      },
      (effect) => this.call(worker, effect),
    );
  }

  private committed(before: ApartmentRecord, next: ApartmentRecord): void {
    if (next.version !== before.version + 1) fail("A2", `${next.version} after ${before.version}`);
    this.assertSent(before.effects, `version ${before.version} was overwritten`);
    checkCommit(before, next, this.hosts);
    for (const effect of next.effects)
      if (effect.kind === "command") this.addressed.set(effect.commandId, effect);
    for (const end of endsIn(next))
      this.ends.set(end.jobId, [...(this.ends.get(end.jobId) ?? []), end]);
    const again = [...this.ends.values()].find((ends) => ends.length > 1);
    if (again !== undefined) fail("A7", `job ${again[0]?.jobId} ended twice`);
    checkSettled(before, next, this);
    this.history.push(next);
  }

  /** Keeps what broke: the turn that it is thrown into may take it for an infrastructure error. */
  private watch<T>(look: () => T): T {
    const keep = (error: unknown) => {
      this.broken ??= error;
    };
    try {
      const seen = look();
      if (seen instanceof Promise) seen.catch(keep);
      return seen;
    } catch (error) {
      keep(error);
      throw error;
    }
  }

  private assertSent(effects: readonly Effect[], when: string): void {
    const lost = effects.find((effect) => !this.sent.has(effectName(effect)));
    if (lost !== undefined) fail("A4", `a ${lost.kind} effect was never sent; ${when}`);
  }

  private assertIncidents({ openIncidents }: ApartmentRecord): void {
    const open = this.tables.incidents.all().filter(({ resolvedAt }) => resolvedAt === undefined);
    const told = open.map(({ id }) => id).sort();
    if (
      told.join() !==
      openIncidents
        .map(({ id }) => id)
        .toSorted()
        .join()
    )
      fail("incidents", `open are [${told.join()}], and the record knows otherwise`);
  }
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
