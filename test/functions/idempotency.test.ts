import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { eventsApi } from "../../functions/api-events.ts";
import { hostsApi } from "../../functions/api-hosts.ts";
import { incidentsApi } from "../../functions/api-incidents.ts";
import { jobsApi } from "../../functions/api-jobs.ts";
import { tokensApi } from "../../functions/api-tokens.ts";
import { vmsApi } from "../../functions/api-vms.ts";
import { BootId } from "../../shared/model/ids.ts";
import { IncidentId } from "../../shared/model/incident.ts";
import { type Operation, ROUTES } from "../../shared/model/routes.ts";
import { aJob, hostId, jobIdOf, T0 } from "../support/a-record.ts";
import { type Answered, aCaller } from "../support/api-caller.ts";
import { aHostInSession, type JoinedHost, vmIdOf } from "../support/joined-host.ts";
import { aWorld, type World } from "../support/memory-world.ts";

const HOUR_MS = 60 * 60 * 1000;
const spec = { cpus: 1, memoryMiB: 64 };
const vmId = vmIdOf(1);
const incidentId = IncidentId.parse("host_down.host-a");
type Deps = World["deps"];

/** All families in one. */
function everyApi(deps: Deps): Handler {
  const families: Readonly<Record<string, Handler>> = {
    vms: vmsApi(deps),
    jobs: jobsApi(deps),
    hosts: hostsApi(deps),
    incidents: incidentsApi(deps),
    events: eventsApi(deps),
    tokens: tokensApi(deps),
  };
  return (event) => {
    const routes = Object.values(ROUTES);
    const route = routes.find(({ method, path }) => `${method} ${path}` === event.routeKey);
    const family = families[route?.family ?? ""];
    if (family === undefined) throw new Error(`${event.routeKey} is not a user's`);
    return family(event);
  };
}

type Handler = Parameters<typeof aCaller>[1];
type Parts = Parameters<Scene["ask"]>[1];
type Scene = {
  readonly world: World;
  readonly host: JoinedHost;
  readonly ask: Awaited<ReturnType<typeof aCaller>>;
};
type Post = {
  readonly request: Parts;
  /** Another request of the same operation. */
  readonly other: Parts;
  /** What happens then, and would be undone if it were done again. */
  readonly meanwhile?: (scene: Scene) => Promise<unknown>;
};
/** Those of users. Adopting needs an agent that answers: `adopt-orphan.test.ts`. */
type PostOperation = Exclude<
  {
    [O in Operation]: (typeof ROUTES)[O] extends { method: "POST"; auth: "operator" | "admin" }
      ? O
      : never;
  }[Operation],
  "adoptOrphan" | "maintainHost"
>;

const ofHost = (name: string) => ({ params: { hostId: name } });
const maintenance = (enabled: boolean) => ({ ...ofHost("host-a"), body: { enabled } });
const pause = (paused: boolean) => ({ params: { vmId }, body: { paused } });

const POSTS: Readonly<Record<PostOperation | "maintenance" | "endOfMaintenance", Post>> = {
  createVm: {
    request: { body: { name: "db", spec, start: true } },
    other: { body: { name: "other", spec } },
    meanwhile: ({ world }) => world.deps.hosts.setMaintenance(hostId, "enabled"),
  },
  submitVerb: {
    request: { params: { vmId, verb: "start" } },
    other: { params: { vmId, verb: "stop" } },
    meanwhile: ({ world }) => world.deps.hosts.setMaintenance(hostId, "enabled"),
  },
  pauseApartment: {
    request: pause(true),
    other: pause(false),
    meanwhile: ({ ask }) => ask("pauseApartment", pause(false)),
  },
  cancelJob: {
    request: { params: { jobId: jobIdOf(1) } },
    other: { params: { jobId: jobIdOf(2) } },
  },
  createHost: {
    request: { body: { id: "host-b" } },
    other: { body: { id: "host-c" } },
    meanwhile: ({ ask }) => ask("renewJoinToken", ofHost("host-b")),
  },
  renewJoinToken: {
    request: ofHost("host-a"),
    other: ofHost("host-b"),
    meanwhile: ({ ask }) => ask("renewJoinToken", ofHost("host-a")),
  },
  maintenance: {
    request: maintenance(true),
    other: maintenance(false),
    meanwhile: ({ ask }) => ask("maintainHost", maintenance(false)),
  },
  endOfMaintenance: {
    request: maintenance(false),
    other: maintenance(true),
    meanwhile: ({ ask }) => ask("maintainHost", maintenance(true)),
  },
  fenceHost: {
    request: ofHost("host-a"),
    other: ofHost("host-b"),
    meanwhile: ({ world, host }) =>
      world.deps.hosts.openSession({
        ...{ ...host, bootId: BootId.parse("boot-0002"), agentVersion: "1" },
        now: world.clock.at,
      }),
  },
  resolveIncident: {
    request: { params: { id: incidentId } },
    other: { params: { id: "host_down.host-b" } },
    meanwhile: ({ world }) =>
      world.deps.incidents.open({ ...anIncident, openedAt: world.clock.at, detail: "again" }),
  },
  publishEvent: {
    request: { body: { topic: "custom.done", detail: {} } },
    other: { body: { topic: "custom.done", detail: { release: 7 } } },
  },
  createToken: { request: { body: { role: "viewer" } }, other: { body: { role: "operator" } } },
};
const anIncident = {
  ...{ id: incidentId, kind: "host_down" as const, hostId },
  ...{ openedAt: T0, detail: "it is silent" },
} as const;

const rows = Object.entries(POSTS).map(([name, post]) => {
  const operation = isOperation(name) ? name : "maintainHost";
  return [name, { ...post, operation }] as const;
});
function isOperation(name: string): name is Operation {
  return Object.hasOwn(ROUTES, name);
}

/** A VM, a host that is Up, two jobs and an incident, and an admin. */
async function aScene(depsOf: (world: World) => Deps = ({ deps }) => deps) {
  const world = aWorld();
  const host = await aHostInSession(world);
  await world.deps.incidents.open(anIncident);
  for (const n of [1, 2]) await world.deps.submissions.accept({ job: aJob(n), now: T0 });
  const handler = everyApi(depsOf(world));
  const admin = () => aCaller(world, handler, { role: "admin" });
  const ask = await admin();
  await ask("createVm", { body: { id: vmId, name: "web", spec } });
  const { idempotency: _, ...tables } = world.memory.tables;
  const state = () =>
    structuredClone({
      tables: Object.entries(tables).map(([name, table]) => [name, table.all()]),
      told: [...new Set(world.memory.bus.events.map(({ id }) => id))],
    });
  return { world, host, ask, admin, state };
}

const keyed = (parts: Parts, key = "k-1"): Parts => ({
  ...parts,
  headers: { "idempotency-key": key },
});

describe("a POST with an Idempotency-Key", () => {
  it.each(rows)("is done once, whatever comes between: %s", async (_, post) => {
    const scene = await aScene();
    const { ask, world, state } = scene;
    const first = await ask(post.operation, keyed(post.request));
    expect(first.status).toBeLessThan(300);
    world.clock.at += HOUR_MS;
    await post.meanwhile?.(scene);
    const before = state();
    const again = await ask(post.operation, keyed(post.request));
    expect(state()).toEqual(before);
    expect(made(again)).toEqual(made(first));
  });

  it.each(rows)("is one request, and a conflict for another: %s", async (_, post) => {
    const { ask, state } = await aScene();
    await ask(post.operation, keyed(post.request));
    const before = state();
    const other = await ask(post.operation, keyed(post.other));
    expect(other).toMatchObject({ status: 409, json: { code: "idempotency_conflict" } });
    expect(state()).toEqual(before);
  });

  it.each(rows)("is answered after its sender died before it could: %s", async (_, post) => {
    const dying = ({ deps }: World): Deps => {
      const left = ["settling"];
      const settle: Deps["submissions"]["settle"] = async (query) => {
        if (left.pop() !== undefined) throw new Error("dies");
        await deps.submissions.settle(query);
      };
      return { ...deps, submissions: { ...deps.submissions, settle } };
    };
    const { ask } = await aScene(dying);
    const first = await ask(post.operation, keyed(post.request));
    const again = await ask(post.operation, keyed(post.request));
    expect(again.status).toBeLessThan(300);
    const third = await ask(post.operation, keyed(post.request));
    expect(made(third)).toEqual(made(again));
    if (first.status === again.status) expect(made(again)).toEqual(made(first));
  });

  it.each(rows)("is done again with another key, or none: %s", async (_, post) => {
    const { ask } = await aScene();
    await ask(post.operation, keyed(post.request));
    const { status } = await ask(post.operation, keyed(post.request, "k-2"));
    expect(await ask(post.operation, post.request)).toMatchObject({ status });
  });

  it.each(["createHost", "renewJoinToken", "createToken"] as const)(
    "has a secret made again for its own caller only: %s",
    async (name) => {
      const { ask, admin, world } = await aScene();
      const { request } = POSTS[name];
      const { json } = await ask(name, keyed(request));
      const secret = json.joinToken ?? json.token;
      const stranger = await admin();
      expect(await stranger(name, keyed(request))).toMatchObject({
        ...{ status: 409, json: { code: "idempotency_conflict" } },
      });
      const tables = Object.values(world.memory.tables).map((table) => table.all());
      expect(JSON.stringify(tables)).not.toContain(secret.slice(-32));
    },
  );

  it("answers no secret of what is gone", async () => {
    const { ask } = await aScene();
    const { json } = await ask("createToken", keyed(POSTS.createToken.request));
    await ask("deleteToken", { params: { tokenId: json.id } });
    expect(await ask("createToken", keyed(POSTS.createToken.request))).toMatchObject({
      ...{ status: 404, json: { code: "token_not_found" } },
    });
    await ask("createHost", keyed(POSTS.createHost.request, "k-2"));
    await ask("deleteHost", ofHost("host-b"));
    expect(await ask("createHost", keyed(POSTS.createHost.request, "k-2"))).toMatchObject({
      ...{ status: 404, json: { code: "host_not_found" } },
    });
  });
});

/** What is made, and stays when the rest changes. */
function made({ status, json }: Answered): object {
  const { id, job, host, joinToken, token } = json;
  return { status, id, job: job?.id, host: host?.id, joinToken, token };
}
