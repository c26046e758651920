/** Invoked by hand after the first deployment: answers the first admin's token, once. No route leads here. */
import middy from "@middy/core";
import { type FirstToken, makeFirstToken } from "../shared/app/make-first-token.ts";
import type { Ports } from "../shared/app/ports.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { makeBearerToken } from "../shared/http/bearer-token.ts";
import { parseEnvironment } from "../shared/model/environment.ts";

export function firstToken(deps: Ports): () => Promise<FirstToken> {
  return () => makeFirstToken(deps, makeBearerToken(deps.names.secret()));
}

export const handler = middy(firstToken(connect(parseEnvironment(process.env)))).use(lambdaContext);
