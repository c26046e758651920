/** The user API of jobs. */
import middy from "@middy/core";
import { authenticate } from "../shared/app/authenticate.ts";
import { cancelJob } from "../shared/app/cancel-job.ts";
import { once } from "../shared/app/once.ts";
import type { Ports } from "../shared/app/ports.ts";
import { getJob, listJobs } from "../shared/app/read-jobs.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { bearerGate } from "../shared/http/gate.ts";
import { pageOf, replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";

/** The family `jobs` over any ports. */
export function jobsApi(deps: Ports) {
  const on = endpointBehind(bearerGate((token) => authenticate(deps, token)));
  return apiHandler(
    "jobs",
    {
      listJobs: on(ROUTES.listJobs, async ({ caller, query: { limit, cursor, ...filter } }) =>
        replyWith(200, await listJobs(deps, { caller, filter, page: pageOf({ limit, cursor }) })),
      ),
      getJob: on(ROUTES.getJob, async ({ caller, params, query }) =>
        replyWith(200, await getJob(deps, { caller, ...params, ...query })),
      ),
      cancelJob: on(ROUTES.cancelJob, async ({ params, body, ...request }) => {
        const { caller } = request;
        const act = () => cancelJob(deps, { caller, ...params, ...body });
        return replyWith(202, await once(deps, request, { act }));
      }),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
}

export const handler = middy(jobsApi(connect(parseEnvironment(process.env)))).use(lambdaContext);
