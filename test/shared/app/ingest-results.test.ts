import { describe, expect, it } from "vitest";
import { ingestResults } from "../../../shared/app/ingest-results.ts";
import { Results } from "../../../shared/model/agent-protocol.ts";
import { BootId } from "../../../shared/model/ids.ts";
import { bootId, T0 } from "../../support/a-record.ts";
import { aHostInSession, okValue, vmIdOf } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const result = (n: number) => ({
  seq: n,
  commandId: `command-${n}`,
  vmId: vmIdOf(n),
  epoch: 3,
  status: "done" as const,
  power: "on" as const,
});
const body = (...numbers: readonly number[]) =>
  Results.parse({ bootId, results: numbers.map(result) });

describe("results of commands", () => {
  it("go to their apartments, named by the command, in the order of the host", async () => {
    const world = aWorld();
    const caller = await aHostInSession(world);
    okValue(await ingestResults(world.deps, { caller, ...body(1, 2) }));
    expect(world.taken()).toEqual(
      [1, 2].map((n) => ({
        to: vmIdOf(n),
        message: {
          v: 1,
          logicalId: `result:host-a:command-${n}`,
          body: {
            kind: "result",
            hostId: "host-a",
            bootOrdinal: 1,
            seq: n,
            commandId: `command-${n}`,
            epoch: 3,
            status: "done",
            power: "on",
            receivedAt: T0,
          },
        },
      })),
    );
  });

  it("of another boot than the session's are refused, and go nowhere", async () => {
    const world = aWorld();
    const caller = await aHostInSession(world, { boot: BootId.parse("boot-0002") });
    const answer = await ingestResults(world.deps, { caller, ...body(1) });
    expect(answer).toMatchObject({ ok: false, code: "stale_boot" });
    expect(world.taken()).toEqual([]);
  });

  it("of another key than the host's are refused, and go nowhere", async () => {
    const world = aWorld();
    const caller = { ...(await aHostInSession(world)), publicKey: `${"A".repeat(43)}=` };
    const answer = await ingestResults(world.deps, { caller, ...body(1) });
    expect(answer).toMatchObject({ ok: false, code: "unauthenticated" });
    expect(world.taken()).toEqual([]);
  });
});
