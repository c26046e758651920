import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { incidentsApi } from "../../functions/api-incidents.ts";
import { AccountId } from "../../shared/model/ids.ts";
import { IncidentId } from "../../shared/model/incident.ts";
import { T0, vmId } from "../support/a-record.ts";
import { aCaller } from "../support/api-caller.ts";
import { aWorld } from "../support/memory-world.ts";

const id = IncidentId.parse("zombie.1");

async function anApi() {
  const world = aWorld();
  const account = AccountId.parse("acme");
  await world.deps.incidents.open({ id, kind: "zombie", account, vmId, openedAt: T0, detail: "x" });
  const handler = incidentsApi(world.deps);
  return { world, handler, operator: await aCaller(world, handler, { role: "operator" }) };
}

describe("incidents through the API", () => {
  it("are listed, and resolved", async () => {
    const { operator } = await anApi();
    const open = await operator("listIncidents", {
      query: { state: "open", vmId, kind: "zombie" },
    });
    expect(open.json.items).toMatchObject([{ id }]);
    expect(await operator("resolveIncident", { params: { id } })).toMatchObject({
      status: 200,
      json: { id, resolvedAt: "2027-01-15T08:00:00.000Z" },
    });
    expect((await operator("listIncidents", { query: { state: "open" } })).json.items).toEqual([]);
  });

  it("are a viewer's to see, not to resolve", async () => {
    const { world, handler } = await anApi();
    const viewer = await aCaller(world, handler, { role: "viewer" });
    expect((await viewer("listIncidents")).json.items).toHaveLength(1);
    expect(await viewer("resolveIncident", { params: { id } })).toMatchObject({ status: 403 });
    expect(world.memory.tables.incidents.all()[0]).not.toHaveProperty("resolvedAt");
  });

  it.each([
    ["listIncidents", { query: { kind: "boredom" } }, 400, "invalid_request"],
    ["listIncidents", { query: { state: "shut" } }, 400, "invalid_request"],
    ["resolveIncident", { params: { id: "zombie.2" } }, 404, "incident_not_found"],
    ["resolveIncident", { params: { id }, body: { why: "x" } }, 400, "invalid_request"],
  ] as const)("are refused: %s %j", async (operation, parts, status, code) => {
    const { operator, world } = await anApi();
    expect(await operator(operation, parts)).toMatchObject({ status, json: { code } });
    expect(world.memory.tables.incidents.all()[0]).not.toHaveProperty("resolvedAt");
  });
});
