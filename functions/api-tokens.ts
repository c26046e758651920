/** The user API of API tokens. */
import middy from "@middy/core";
import { authenticate } from "../shared/app/authenticate.ts";
import { createToken, showToken } from "../shared/app/create-token.ts";
import { deleteToken, listTokens } from "../shared/app/manage-tokens.ts";
import { onceWithSecret } from "../shared/app/once.ts";
import type { Ports } from "../shared/app/ports.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { makeBearerToken } from "../shared/http/bearer-token.ts";
import { bearerGate } from "../shared/http/gate.ts";
import { pageOf, replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import { ROUTES } from "../shared/model/routes.ts";

/** The family `tokens` over any ports. */
export function tokensApi(deps: Ports) {
  const on = endpointBehind(bearerGate((token) => authenticate(deps, token)));
  return apiHandler(
    "tokens",
    {
      createToken: on(ROUTES.createToken, async ({ body, ...request }) => {
        const { account = request.caller.account, role, label } = body;
        const created = await onceWithSecret(deps, request, {
          act: (secret) =>
            createToken(deps, { account, role, label, token: makeBearerToken(secret) }),
          again: (secret) => showToken(deps, makeBearerToken(secret)),
        });
        return replyWith(201, created);
      }),
      listTokens: on(ROUTES.listTokens, async ({ query }) =>
        replyWith(200, await listTokens(deps, { page: pageOf(query) })),
      ),
      deleteToken: on(ROUTES.deleteToken, async ({ params }) => {
        const deleted = await deleteToken(deps, params);
        return deleted.ok ? { ok: true, value: { status: 204 } } : deleted;
      }),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );
}

export const handler = middy(tokensApi(connect(parseEnvironment(process.env)))).use(lambdaContext);
