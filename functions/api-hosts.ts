/** The user API of hosts. */
import middy from "@middy/core";
import { adoptOrphan, listOrphans } from "../shared/app/adopt-orphan.ts";
import { authenticate } from "../shared/app/authenticate.ts";
import { vouchFenced } from "../shared/app/fence-host.ts";
import { beginMaintenance, endMaintenance } from "../shared/app/maintain-host.ts";
import type { Ports } from "../shared/app/ports.ts";
import { getHost, listHosts } from "../shared/app/read-hosts.ts";
import { registerHost, renewJoinToken } from "../shared/app/register-host.ts";
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
      createHost: on(ROUTES.createHost, async ({ body }) =>
        replyWith(201, await registerHost(deps, body)),
      ),
      listHosts: on(ROUTES.listHosts, async ({ query }) =>
        replyWith(200, await listHosts(deps, { page: pageOf(query) })),
      ),
      getHost: on(ROUTES.getHost, async ({ params }) =>
        replyWith(200, await getHost(deps, params)),
      ),
      maintainHost: on(ROUTES.maintainHost, async ({ params, body, ...request }) => {
        if (!body.enabled) return replyWith(200, await endMaintenance(deps, params));
        const job = await beginMaintenance(deps, { ...request, ...params });
        return job.ok
          ? { ok: true, value: { status: 202, body: job.value, headers: locationOf(job.value) } }
          : job;
      }),
      listOrphans: on(ROUTES.listOrphans, async ({ params, query }) =>
        replyWith(200, await listOrphans(deps, { ...params, page: pageOf(query) })),
      ),
      adoptOrphan: on(ROUTES.adoptOrphan, async ({ caller, params, body }) =>
        replyWith(201, await adoptOrphan(deps, { caller, ...params, wish: body ?? {} })),
      ),
      fenceHost: on(ROUTES.fenceHost, async ({ params }) =>
        replyWith(200, await vouchFenced(deps, params)),
      ),
      deleteHost: on(ROUTES.deleteHost, async ({ params }) =>
        replyWith(204, await removeHost(deps, params)),
      ),
      renewJoinToken: on(ROUTES.renewJoinToken, async ({ params }) =>
        replyWith(201, await renewJoinToken(deps, params)),
      ),
    },
    { now: deps.clock.now, log: deps.telemetry.log },
  );
}

function locationOf(job: { readonly id: string }): { readonly location: string } {
  return { location: `/v1/jobs/${job.id}` };
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  hostsApi({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
