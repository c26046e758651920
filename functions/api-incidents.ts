/** The user API of incidents. */
import middy from "@middy/core";
import { authenticate } from "../shared/app/authenticate.ts";
import { once } from "../shared/app/once.ts";
import type { Ports } from "../shared/app/ports.ts";
import { getIncident, listIncidents } from "../shared/app/read-incidents.ts";
import { resolveIncident } from "../shared/app/resolve-incident.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { bearerGate } from "../shared/http/gate.ts";
import { pageOf, replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";
import type { Settings } from "../shared/model/settings.ts";

/** The family `incidents` over any ports. */
export function incidentsApi(deps: Ports & { readonly settings: Settings }) {
  const on = endpointBehind(bearerGate((token) => authenticate(deps, token)));
  return apiHandler(
    "incidents",
    {
      listIncidents: on(
        ROUTES.listIncidents,
        async ({ caller, query: { limit, cursor, ...filter } }) =>
          replyWith(
            200,
            await listIncidents(deps, { caller, filter, page: pageOf({ limit, cursor }) }),
          ),
      ),
      resolveIncident: on(ROUTES.resolveIncident, async ({ params, ...request }) => {
        const { caller } = request;
        const act = () => resolveIncident(deps, { caller, ...params });
        const again = () => getIncident(deps, { caller, ...params });
        return replyWith(200, await once(deps, request, { act, again }));
      }),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  incidentsApi({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
