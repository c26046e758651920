/** Health, the OpenAPI document, and what no route takes. */
import middy from "@middy/core";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import type { Ports } from "../shared/app/ports.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { openGate } from "../shared/http/gate.ts";
import { type JsonObject, openApiDocument } from "../shared/http/openapi.ts";
import { type HttpResponse, problemResponse } from "../shared/http/problem.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { refuseUnknownRoute } from "../shared/http/unknown-route.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";

/** The family `system`, and the `$default` route. Health is that of this function: it asks nothing of anybody. */
export function systemApi(
  deps: Pick<Ports, "clock" | "telemetry"> & { readonly version: string },
): (event: APIGatewayProxyEventV2) => Promise<HttpResponse> {
  let document: JsonObject | undefined;
  const routes = apiHandler(
    "system",
    {
      health: endpointBehind(openGate)(ROUTES.health, async () => ({
        ok: true,
        value: {
          status: 200,
          body: {
            status: "ok",
            version: deps.version,
            now: new Date(deps.clock.now()).toISOString(),
          },
        },
      })),
      openApi: endpointBehind(openGate)(ROUTES.openApi, async () => {
        document ??= openApiDocument(deps);
        return { ok: true, value: { status: 200, body: document } };
      }),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
  return async (event) => (event.routeKey === "$default" ? refuseRoute(event) : routes(event));
}

function refuseRoute(event: APIGatewayProxyEventV2): HttpResponse {
  const { method } = event.requestContext.http;
  const { refusal, allow } = refuseUnknownRoute({ method, path: event.rawPath });
  return problemResponse(refusal, allow.length === 0 ? {} : { allow: allow.join(", ") });
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  systemApi({
    ...connect(environment),
    version: environment.VMSYNC_VERSION,
  }),
).use(lambdaContext);
