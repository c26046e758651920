import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { hostsApi } from "../../functions/api-hosts.ts";
import { aCaller } from "../support/api-caller.ts";
import { aHostInSession, vmIdOf } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";

async function anApi() {
  const world = aWorld();
  const handler = hostsApi(world.deps);
  return { world, handler, admin: await aCaller(world, handler, { role: "admin" }) };
}

describe("hosts through the API", () => {
  it("are registered, read, listed, given another join token", async () => {
    const { admin } = await anApi();
    const body = { id: "host-a", capacity: { cpus: 8, memoryMiB: 8192 }, labels: { rack: "1" } };
    const made = await admin("createHost", { body });
    expect(made).toMatchObject({
      status: 201,
      json: { host: { id: "host-a", state: "Registered" } },
    });
    const params = { hostId: "host-a" };
    expect(await admin("getHost", { params })).toMatchObject({ json: made.json.host });
    expect((await admin("listHosts")).json.items).toEqual([made.json.host]);
    const renewed = await admin("renewJoinToken", { params });
    expect(renewed.status).toBe(201);
    expect(renewed.json.joinToken).not.toBe(made.json.joinToken);
  });

  it("are taken into maintenance by a job, and out of it", async () => {
    const { admin } = await anApi();
    await admin("createHost", { body: { id: "host-a" } });
    const params = { hostId: "host-a" };
    const begun = await admin("maintainHost", { params, body: { enabled: true } });
    expect(begun).toMatchObject({ status: 202, json: { type: "host.evacuate", hostId: "host-a" } });
    expect(begun.headers).toMatchObject({ location: `/v1/jobs/${begun.json.id}` });
    const ended = await admin("maintainHost", { params, body: { enabled: false } });
    expect(ended).toMatchObject({ status: 200, json: { id: "host-a", state: "Registered" } });
    expect(await admin("maintainHost", { params })).toMatchObject({ status: 400 });
  });

  it("are fenced and forgotten; orphans are listed and adopted", async () => {
    const { admin, world } = await anApi();
    const { hostId } = await aHostInSession(world);
    const params = { hostId };
    expect(await admin("listOrphans", { params })).toMatchObject({
      status: 200,
      json: { items: [] },
    });
    const orphan = { hostId, vmId: vmIdOf(1) };
    expect(await admin("adoptOrphan", { params: orphan })).toMatchObject({
      ...{ status: 404, json: { code: "vm_not_found" } },
    });
    const fenced = await admin("fenceHost", { params });
    expect(fenced).toMatchObject({ status: 200, json: { id: hostId, state: "Fenced" } });
    expect(await admin("deleteHost", { params })).toMatchObject({ status: 204 });
    expect(await admin("getHost", { params })).toMatchObject({ status: 404 });
    expect(await admin("deleteHost", { params })).toMatchObject({
      json: { code: "host_not_found" },
    });
  });

  it.each(["viewer", "operator"] as const)("are an admin's: not a %s's", async (role) => {
    const { world, handler } = await anApi();
    const caller = await aCaller(world, handler, { role });
    for (const [operation, parts] of [
      ["createHost", { body: { id: "host-a" } }],
      ["listHosts", {}],
      ["getHost", { params: { hostId: "host-a" } }],
      ["renewJoinToken", { params: { hostId: "host-a" } }],
      ["listOrphans", { params: { hostId: "host-a" } }],
      ["adoptOrphan", { params: { hostId: "host-a", vmId: vmIdOf(1) } }],
      ["fenceHost", { params: { hostId: "host-a" } }],
      ["deleteHost", { params: { hostId: "host-a" } }],
      ["maintainHost", { params: { hostId: "host-a" }, body: { enabled: true } }],
    ] as const)
      expect(await caller(operation, parts)).toMatchObject({
        status: 403,
        json: { code: "forbidden" },
      });
    expect(world.memory.tables.hosts.all()).toEqual([]);
  });

  it.each([
    ["createHost", { body: { id: "Host_A" } }, 400, "invalid_request"],
    ["createHost", { body: { id: "host-a", state: "Up" } }, 400, "invalid_request"],
    [
      "createHost",
      { body: { id: "host-a", capacity: { cpus: 0, memoryMiB: 1 } } },
      400,
      "invalid_request",
    ],
    ["createHost", { body: '{"id":"host-a"' }, 400, "invalid_request"],
    ["getHost", { params: { hostId: "-" } }, 400, "invalid_request"],
    ["getHost", { params: { hostId: "host-z" } }, 404, "host_not_found"],
    ["renewJoinToken", { params: { hostId: "host-z" } }, 404, "host_not_found"],
    ["renewJoinToken", { params: { hostId: "host-z" }, body: { x: 1 } }, 400, "invalid_request"],
  ] as const)("are refused, and nothing is made: %s %j", async (operation, parts, status, code) => {
    const { admin, world } = await anApi();
    expect(await admin(operation, parts)).toMatchObject({ status, json: { code } });
    expect(world.memory.tables.hosts.all()).toEqual([]);
  });

  it("are registered once", async () => {
    const { admin } = await anApi();
    await admin("createHost", { body: { id: "host-a" } });
    expect(await admin("createHost", { body: { id: "host-a" } })).toMatchObject({
      status: 409,
      json: { code: "host_exists" },
    });
  });
});
