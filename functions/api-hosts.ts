/** The user API of hosts. */
import middy from "@middy/core";
import { adoptOrphan, listOrphans } from "../shared/app/adopt-orphan.ts";
import { authenticate } from "../shared/app/authenticate.ts";
import { vouchFenced } from "../shared/app/fence-host.ts";
import { beginMaintenance, endMaintenance } from "../shared/app/maintain-host.ts";
import { once, onceWithSecret } from "../shared/app/once.ts";
import type { Ports } from "../shared/app/ports.ts";
import { getHost, listHosts } from "../shared/app/read-hosts.ts";
import { registerHost, renewJoinToken, showRegistered } from "../shared/app/register-host.ts";
import { removeHost } from "../shared/app/remove-host.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { bearerGate } from "../shared/http/gate.ts";
import { pageOf, replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";
import type { Settings } from "../shared/model/settings.ts";

/** The family `hosts` over any ports. */
export function hostsApi(deps: Ports & { readonly settings: Settings }) {
  const on = endpointBehind(bearerGate((token) => authenticate(deps, token)));
  return apiHandler(
    "hosts",
    {
      createHost: on(ROUTES.createHost, async ({ body, ...request }) => {
        const host = { hostId: body.id };
        const registered = await onceWithSecret(deps, request, {
          act: (joinToken) => registerHost(deps, body, joinToken),
          again: (joinToken) => showRegistered(deps, host, joinToken),
        });
        return replyWith(201, registered);
      }),
      listHosts: on(ROUTES.listHosts, async ({ query }) =>
        replyWith(200, await listHosts(deps, { page: pageOf(query) })),
      ),
      getHost: on(ROUTES.getHost, async ({ params }) =>
        replyWith(200, await getHost(deps, params)),
      ),
      maintainHost: on(ROUTES.maintainHost, async ({ params, body, ...request }) => {
        if (!body.enabled) {
          const act = () => endMaintenance(deps, params);
          const again = () => getHost(deps, params);
          return replyWith(200, await once(deps, request, { act, again }));
        }
        const job = await beginMaintenance(deps, { ...request, ...params });
        return job.ok
          ? { ok: true, value: { status: 202, body: job.value, headers: locationOf(job.value) } }
          : job;
      }),
      listOrphans: on(ROUTES.listOrphans, async ({ params, query }) =>
        replyWith(200, await listOrphans(deps, { ...params, page: pageOf(query) })),
      ),
      adoptOrphan: on(ROUTES.adoptOrphan, async ({ params, body, ...request }) =>
        replyWith(201, await adoptOrphan(deps, { ...request, ...params, wish: body ?? {} })),
      ),
      fenceHost: on(ROUTES.fenceHost, async ({ params, ...request }) => {
        const act = () => vouchFenced(deps, params);
        const again = () => getHost(deps, params);
        return replyWith(200, await once(deps, request, { act, again }));
      }),
      deleteHost: on(ROUTES.deleteHost, async ({ params }) =>
        replyWith(204, await removeHost(deps, params)),
      ),
      renewJoinToken: on(ROUTES.renewJoinToken, async ({ params, ...request }) => {
        const renewed = await onceWithSecret(deps, request, {
          act: (joinToken) => renewJoinToken(deps, params, joinToken),
          again: async (joinToken) => ({ ok: true, value: { joinToken } }),
        });
        return replyWith(201, renewed);
      }),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
}

function locationOf(job: { readonly id: string }): { readonly location: string } {
  return { location: `/v1/jobs/${job.id}` };
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  hostsApi({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
