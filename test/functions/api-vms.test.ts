import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { vmsApi } from "../../functions/api-vms.ts";
import type { Operation } from "../../shared/model/routes.ts";
import { aCaller } from "../support/api-caller.ts";
import type { aRequestTo } from "../support/http-event.ts";
import { aHostInSession, vmIdOf } from "../support/joined-host.ts";
import { aWorld } from "../support/memory-world.ts";

const spec = { cpus: 1, memoryMiB: 64 };
const vmId = vmIdOf(1);
const params = { vmId };

/** A stopped VM of `acme` and a host that is Up. */
async function anApi() {
  const world = aWorld();
  await aHostInSession(world);
  const handler = vmsApi(world.deps);
  const operator = await aCaller(world, handler, { role: "operator" });
  await operator("createVm", { body: { id: vmId, name: "web", spec } });
  const state = () =>
    structuredClone([world.memory.tables.apartments.all(), world.memory.tables.jobs.all()]);
  return { world, handler, operator, state };
}

describe("a VM's life through the API", () => {
  it("is created, read, listed, changed, paused", async () => {
    const { operator } = await anApi();
    const created = await operator("createVm", { body: { name: "db", spec, haEnabled: true } });
    expect(created).toMatchObject({
      status: 201,
      json: { name: "db", account: "acme", state: "Stopped", haEnabled: true },
      headers: { location: `/v1/vms/${created.json.id}` },
    });
    expect(await operator("getVm", { params })).toMatchObject({ status: 200, json: { id: vmId } });
    const list = await operator("listVms", { query: { name: "db", limit: "200" } });
    expect(list.json.items).toMatchObject([{ name: "db" }]);
    const patched = await operator("patchVm", { params, body: { name: "web 2" } });
    expect(patched).toMatchObject({ status: 200, json: { name: "web 2" } });
    const paused = await operator("pauseApartment", { params, body: { paused: true } });
    expect(paused).toMatchObject({ status: 200, json: { paused: true } });
    expect(await operator("getApartment", { params })).toMatchObject({ json: { paused: true } });
  });

  it("is not changed, and may be asked again, while others are faster each time", async () => {
    const { world, state } = await anApi();
    const apartments = { ...world.deps.apartments, commit: async () => "conflict" as const };
    const handler = vmsApi({ ...world.deps, apartments });
    const operator = await aCaller(world, handler, { role: "operator" });
    const before = state();
    const paused = await operator("pauseApartment", { params, body: { paused: true } });
    expect(paused).toMatchObject({ status: 503, json: { code: "unavailable" } });
    expect(state()).toEqual(before);
  });

  it("can begin with its start", async () => {
    const { operator, world } = await anApi();
    const { status, json, headers } = await operator("createVm", {
      body: { name: "db", spec, start: true },
    });
    expect({ status, type: json.job.type }).toEqual({ status: 202, type: "vm.deploy" });
    expect(headers).toMatchObject({ location: `/v1/jobs/${json.job.id}` });
    expect(world.taken()).toMatchObject([
      { to: json.vm.id, message: { body: { kind: "submit" } } },
    ]);
  });

  it("takes verbs as jobs", async () => {
    const { operator, world } = await anApi();
    const { status, json, headers } = await operator("submitVerb", {
      params: { vmId, verb: "start" },
    });
    expect({ status, type: json.type }).toEqual({ status: 202, type: "vm.start" });
    expect(headers).toMatchObject({ location: `/v1/jobs/${json.id}` });
    expect(world.taken()).toMatchObject([{ to: vmId }]);
  });

  it("answers the same job to the same key and request, and a conflict to another request", async () => {
    const { operator, state } = await anApi();
    const headers = { "idempotency-key": "k" };
    const start = () => operator("submitVerb", { params: { vmId, verb: "start" }, headers });
    const first = await start();
    const before = state();
    expect((await start()).json.id).toBe(first.json.id);
    const other = await operator("submitVerb", { params: { vmId, verb: "stop" }, headers });
    expect(other).toMatchObject({ status: 409, json: { code: "idempotency_conflict" } });
    expect(state()).toEqual(before);
  });
});

describe("what is refused, and changes nothing", () => {
  type Case = readonly [
    string,
    Operation,
    NonNullable<Parameters<typeof aRequestTo>[1]>,
    number,
    string,
    string | undefined,
  ];
  const create = { name: "db", spec };
  const cases: readonly Case[] = [
    ["malformed JSON", "createVm", { body: "{" }, 400, "invalid_request", ""],
    ["no body", "createVm", {}, 400, "invalid_request", ""],
    [
      "an unknown field",
      "createVm",
      { body: { ...create, colour: 1 } },
      400,
      "invalid_request",
      "colour",
    ],
    [
      "an unknown field inside",
      "createVm",
      { body: { ...create, spec: { ...spec, ram: 1 } } },
      400,
      "invalid_request",
      "spec.ram",
    ],
    [
      "a wrong value inside",
      "createVm",
      { body: { ...create, spec: { ...spec, cpus: 0 } } },
      400,
      "invalid_request",
      "spec.cpus",
    ],
    [
      "a wrong id in a body",
      "createVm",
      { body: { ...create, id: "1" } },
      400,
      "invalid_request",
      "id",
    ],
    ["a wrong id in a path", "getVm", { params: { vmId: "1" } }, 400, "invalid_request", "vmId"],
    [
      "a wrong id in a query",
      "listVms",
      { query: { hostId: "_" } },
      400,
      "invalid_request",
      "hostId",
    ],
    [
      "an unknown filter",
      "listVms",
      { query: { colour: "red" } },
      400,
      "invalid_request",
      "colour",
    ],
    ["a limit above 200", "listVms", { query: { limit: "201" } }, 400, "invalid_request", "limit"],
    [
      "a cursor that is none",
      "listVms",
      { query: { cursor: "!" } },
      400,
      "invalid_request",
      undefined,
    ],
    ["nothing to change", "patchVm", { params, body: {} }, 400, "invalid_request", ""],
    [
      "an unknown field of a verb",
      "submitVerb",
      { params: { vmId, verb: "stop" }, body: { force: true } },
      400,
      "invalid_request",
      undefined,
    ],
    [
      "a verb's body that is a list",
      "submitVerb",
      { params: { vmId, verb: "stop" }, body: [] },
      400,
      "invalid_request",
      "",
    ],
    [
      "a key of spaces",
      "submitVerb",
      { params: { vmId, verb: "start" }, headers: { "idempotency-key": "a b" } },
      400,
      "invalid_request",
      "Idempotency-Key",
    ],
    [
      "more than 256 KiB",
      "createVm",
      { body: { ...create, name: "x".repeat(256 * 1024) } },
      413,
      "payload_too_large",
      undefined,
    ],
    [
      "a form",
      "createVm",
      { body: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } },
      415,
      "unsupported_media_type",
      undefined,
    ],
    [
      "an unknown verb",
      "submitVerb",
      { params: { vmId, verb: "dance" } },
      404,
      "route_not_found",
      undefined,
    ],
    [
      "the system's own verb",
      "submitVerb",
      { params: { vmId, verb: "deploy" } },
      404,
      "route_not_found",
      undefined,
    ],
    ["an unknown VM", "getVm", { params: { vmId: vmIdOf(9) } }, 404, "vm_not_found", undefined],
    [
      "an unknown VM's verb",
      "submitVerb",
      { params: { vmId: vmIdOf(9), verb: "start" } },
      404,
      "vm_not_found",
      undefined,
    ],
    [
      "a VM that exists",
      "createVm",
      { body: { ...create, id: vmId } },
      409,
      "vm_exists",
      undefined,
    ],
  ];

  it.each(cases)("%s", async (_name, operation, parts, status, code, path) => {
    const { operator, state, world } = await anApi();
    const before = state();
    const answer = await operator(operation, parts);
    expect(answer).toMatchObject({ status, json: { status, code } });
    if (path !== undefined)
      expect(answer.json.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect(state()).toEqual(before);
    expect(world.taken()).toEqual([]);
  });

  it("another account's VM, as if it were not there", async () => {
    const { world, handler, state } = await anApi();
    const stranger = await aCaller(world, handler, { role: "operator", account: "other" });
    const before = state();
    for (const [operation, parts] of [
      ["getVm", { params }],
      ["getApartment", { params }],
      ["patchVm", { params, body: { name: "x" } }],
      ["pauseApartment", { params, body: { paused: true } }],
      ["submitVerb", { params: { vmId, verb: "start" } }],
    ] as const)
      expect(await stranger(operation, parts)).toMatchObject({ json: { code: "vm_not_found" } });
    expect((await stranger("listVms")).json.items).toEqual([]);
    expect(state()).toEqual(before);
  });

  it("whatever a viewer would change", async () => {
    const { world, handler, state } = await anApi();
    const viewer = await aCaller(world, handler, { role: "viewer" });
    const before = state();
    for (const [operation, parts] of [
      ["createVm", { body: create }],
      ["patchVm", { params, body: { name: "x" } }],
      ["pauseApartment", { params, body: { paused: true } }],
      ["submitVerb", { params: { vmId, verb: "start" } }],
    ] as const)
      expect(await viewer(operation, parts)).toMatchObject({
        status: 403,
        json: { code: "forbidden" },
      });
    expect(await viewer("getVm", { params })).toMatchObject({ status: 200 });
    expect(state()).toEqual(before);
  });
});
