import { describe, expect, it } from "vitest";
import { listIncidents } from "../../../shared/app/read-incidents.ts";
import { resolveIncident } from "../../../shared/app/resolve-incident.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import { IncidentId, type IncidentRecord } from "../../../shared/model/incident.ts";
import type { Caller } from "../../../shared/model/token.ts";
import { hostId, T0 } from "../../support/a-record.ts";
import { okValue, vmIdOf } from "../../support/joined-host.ts";
import { aWorld } from "../../support/memory-world.ts";

const acme = AccountId.parse("acme");
const owner: Caller = { account: acme, role: "operator" };
const stranger: Caller = { account: AccountId.parse("other"), role: "operator" };
const admin: Caller = { account: AccountId.parse("root"), role: "admin" };

const ofVm: IncidentRecord = {
  id: IncidentId.parse("zombie.1"),
  kind: "zombie",
  account: acme,
  vmId: vmIdOf(1),
  openedAt: T0,
  detail: "it runs",
};
const ofHost: IncidentRecord = {
  id: IncidentId.parse("host_down.host-a"),
  kind: "host_down",
  hostId,
  openedAt: T0 + 1,
  detail: "it is silent",
};
const opened = async () => {
  const world = aWorld();
  for (const incident of [ofVm, ofHost]) await world.deps.incidents.open(incident);
  return world;
};
const page = { limit: 50 };

describe("incidents", () => {
  it("of its VMs are shown to an account, all to an admin, newest first", async () => {
    const { deps } = await opened();
    const seenBy = async (caller: Caller) =>
      okValue(await listIncidents(deps, { caller, filter: {}, page })).items.map(({ id }) => id);
    expect(await seenBy(owner)).toEqual([ofVm.id]);
    expect(await seenBy(stranger)).toEqual([]);
    expect(await seenBy(admin)).toEqual([ofHost.id, ofVm.id]);
  });

  it("can be asked for by what they are about", async () => {
    const { deps } = await opened();
    const filter = { kind: "host_down" as const, state: "open" as const };
    const list = okValue(await listIncidents(deps, { caller: admin, filter, page }));
    expect(list.items).toEqual([
      {
        id: ofHost.id,
        kind: "host_down",
        hostId,
        detail: "it is silent",
        openedAt: "2027-01-15T08:00:00.001Z",
      },
    ]);
  });

  it("are refused for a cursor that is none", async () => {
    const { deps } = await opened();
    const answer = await listIncidents(deps, {
      caller: admin,
      filter: {},
      page: { limit: 1, cursor: "!" },
    });
    expect(answer).toMatchObject({ ok: false, code: "invalid_request" });
  });
});

describe("resolving an incident", () => {
  it("notes when, and tells it once; again it is answered as it is", async () => {
    const { deps, memory, clock } = await opened();
    clock.at += 1000;
    const resolve = () => resolveIncident(deps, { caller: owner, id: ofVm.id });
    const first = okValue(await resolve());
    expect(first.resolvedAt).toBe("2027-01-15T08:00:01.000Z");
    clock.at += 1000;
    expect(okValue(await resolve())).toEqual(first);
    expect(memory.bus.events).toMatchObject([
      { topic: "incident.zombie", detail: { incidentId: ofVm.id, change: "resolved" } },
    ]);
  });

  it.each([
    ["another account's", stranger, ofVm.id],
    ["a host's, for one who is no admin", owner, ofHost.id],
    ["one that there is not", admin, "zombie.2"],
    ["what is no id", admin, "a b"],
  ])("is not found: %s", async (_name, caller, id) => {
    const { deps, memory } = await opened();
    const answer = await resolveIncident(deps, { caller, id });
    expect(answer).toMatchObject({ ok: false, code: "incident_not_found" });
    expect(memory.tables.incidents.all().every((each) => each.resolvedAt === undefined)).toBe(true);
  });

  it("of a host is an admin's to do", async () => {
    const { deps } = await opened();
    expect((await resolveIncident(deps, { caller: admin, id: ofHost.id })).ok).toBe(true);
  });
});
