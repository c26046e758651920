/** The user API of events: the feed, histories, custom topics. */
import middy from "@middy/core";
import { authenticate } from "../shared/app/authenticate.ts";
import type { Ports } from "../shared/app/ports.ts";
import { publishEvent } from "../shared/app/publish-event.ts";
import { getHistory, listEvents } from "../shared/app/read-events.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { bearerGate } from "../shared/http/gate.ts";
import { pageOf, replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";

/** The family `events` over any ports. */
export function eventsApi(deps: Ports) {
  const on = endpointBehind(bearerGate((token) => authenticate(deps, token)));
  return apiHandler(
    "events",
    {
      getHistory: on(ROUTES.getHistory, async ({ caller, params, query }) =>
        replyWith(200, await getHistory(deps, { caller, ...params, page: pageOf(query) })),
      ),
      listEvents: on(
        ROUTES.listEvents,
        async ({ caller, query: { limit, after, type: family, ...subject } }) =>
          replyWith(
            200,
            await listEvents(deps, {
              caller,
              filter: { ...subject, family },
              from: { limit: pageOf({ limit }).limit, after },
            }),
          ),
      ),
      publishEvent: on(ROUTES.publishEvent, async ({ body, ...request }) =>
        replyWith(202, await publishEvent(deps, { ...request, request: body })),
      ),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
}

export const handler = middy(eventsApi(connect(parseEnvironment(process.env)))).use(lambdaContext);
