/**
 * One host's reports on their way to the apartments, for properties over interleavings: `ingest` over the real ports in
 * memory, a bus that delivers late, twice, in any order or not at all, and workers that run the real `reconcileHost`. Every
 * port call of a worker stops at a gate; the driver decides which goes on and which worker dies there, before or after the
 * call took effect.
 */
import { ingestReport } from "../../shared/app/ingest-report.ts";
import type { AgentIdentity } from "../../shared/app/open-session.ts";
import { reconcileHost } from "../../shared/app/reconcile-host.ts";
import { isNewer } from "../../shared/core/observe.ts";
import type { Report } from "../../shared/model/agent-protocol.ts";
import type { ObservedBody } from "../../shared/model/apartment-message.ts";
import { BootId } from "../../shared/model/ids.ts";
import type { Power } from "../../shared/model/power.ts";
import { AgentReportDetail } from "../../shared/model/topic.ts";
import { aHostInSession, aReport, okValue } from "./joined-host.ts";
import { aWorld, type World } from "./memory-world.ts";

export type Fate = "pass" | "die_before" | "die_after";

class Died extends Error {}

export class ReportWorld {
  /** What each apartment was told last, in the host's order. */
  readonly told = new Map<string, ObservedBody>();
  private readonly world: World;
  private readonly caller: AgentIdentity;
  private readonly waiting: ((fate: Fate) => void)[] = [];
  private readonly events: AgentReportDetail[] = [];
  private putBefore = 0;
  private boots = 1;
  private seq = 0;
  private broken: unknown;

  static async open(): Promise<ReportWorld> {
    const world = aWorld();
    return new ReportWorld(world, await aHostInSession(world));
  }

  private constructor(world: World, caller: AgentIdentity) {
    this.world = world;
    this.caller = caller;
  }

  /** The VM holds room on the host: it should be there. */
  expect(vmId: string): void {
    const need = { cpus: 1, memoryMiB: 1 };
    const jobId = this.world.deps.names.jobId();
    this.world.memory.tables.reservations.put(`${this.caller.hostId}/${vmId}`, {
      ...{ held: true, need, jobId, revision: 1 },
    });
  }

  /** The agent says what it sees. `unsent`: the function died after its write, before the bus had it. */
  async report(said: Pick<Report, "complete" | "vms">, sent: "sent" | "unsent"): Promise<void> {
    this.seq += 1;
    const { deps, memory } = this.world;
    const report = aReport({ ...said, bootId: this.bootId, seq: this.seq });
    okValue(await ingestReport(deps, { caller: this.caller, report }));
    const put = memory.bus.events.filter(({ family }) => family === "agent.report");
    const fresh = put.slice(this.putBefore);
    this.putBefore = put.length;
    if (sent === "unsent") return;
    for (const { topic, id, detail } of fresh)
      this.events.push(AgentReportDetail.parse({ ...detail, topic, id }));
  }

  async restart(): Promise<void> {
    this.boots += 1;
    this.seq = 0;
    const { caller, bootId } = this;
    const opened = await this.world.deps.hosts.openSession({
      ...{ ...caller, bootId, agentVersion: "1" },
      now: this.world.clock.at,
    });
    if (opened.status !== "open") throw new Error("the session is refused");
  }

  later(ms: number): void {
    this.world.clock.at += ms;
  }

  /** Whether the bus has something that was not delivered. */
  get isBusy(): boolean {
    return this.events.length > 0;
  }

  /** Hands an event to a new worker; `again`: the bus will hand it over once more. */
  deliver(index: number, again: boolean): void {
    const at = index % Math.max(1, this.events.length);
    const event = this.events[at];
    if (event === undefined) return;
    if (!again) this.events.splice(at, 1);
    reconcileHost(this.gated(), event).catch((error: unknown) => {
      if (!(error instanceof Died)) this.broken ??= error;
    });
  }

  /** Hands an event to a new worker, and lets it make so many calls; `end` is what becomes of its next. */
  async work(index: number, { calls, end }: { readonly calls: number; readonly end: Fate }) {
    const others = [...this.waiting];
    const own = () => this.waiting.findIndex((each) => !others.includes(each));
    this.deliver(index, false);
    for (let made = 0; made < calls; made += 1) {
      await this.settle();
      if (own() >= 0) this.step(own(), "pass");
    }
    await this.settle();
    while (end !== "pass" && own() >= 0) {
      this.step(own(), end);
      await this.settle();
    }
  }

  /** An event that nobody ever gets. */
  lose(index: number): void {
    this.events.splice(index % Math.max(1, this.events.length), 1);
  }

  step(index: number, fate: Fate): void {
    this.waiting.splice(index % Math.max(1, this.waiting.length), 1)[0]?.(fate);
  }

  /** Until every worker stands at a gate, is done, or is dead. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.broken !== undefined) throw this.broken;
    for (const { to, message } of this.world.taken()) {
      const { body } = message;
      if (body.kind !== "observed") continue;
      if (isNewer(body, this.told.get(to))) this.told.set(to, body);
    }
  }

  /** All workers die where they stand, and what the bus has is lost. */
  async fail(): Promise<void> {
    for (;;) {
      await this.settle();
      if (this.waiting.length === 0) break;
      this.step(0, "die_before");
    }
    this.events.length = 0;
  }

  /** Everything goes well until nothing is left to do. */
  async calm(): Promise<void> {
    for (;;) {
      await this.settle();
      if (this.waiting.length > 0) this.step(0, "pass");
      else if (this.isBusy) this.deliver(0, false);
      else return;
    }
  }

  powerOf(vmId: string): Power | undefined {
    return this.told.get(vmId)?.power;
  }

  private get bootId(): BootId {
    return BootId.parse(`boot-${this.boots.toString().padStart(4, "0")}`);
  }

  private gated(): Parameters<typeof reconcileHost>[0] {
    const { deps } = this.world;
    let dead = false;
    const gate =
      <A extends readonly unknown[], T>(call: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        const fate = dead
          ? "die_before"
          : await new Promise<Fate>((go) => {
              this.waiting.push(go);
            });
        if (fate !== "pass") dead = true;
        if (fate === "die_before") throw new Died();
        const answer = await call(...args);
        if (fate === "die_after") throw new Died();
        return answer;
      };
    const { hosts, placement, apartmentQueue } = deps;
    return {
      ...deps,
      hosts: {
        ...hosts,
        read: gate(hosts.read),
        readInventory: gate(hosts.readInventory),
        writeInventory: gate(hosts.writeInventory),
        markApplied: gate(hosts.markApplied),
      },
      placement: { ...placement, holders: gate(placement.holders) },
      apartmentQueue: { send: gate(apartmentQueue.send) },
    };
  }
}
