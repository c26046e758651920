/** Calls a function of the user API as somebody, and holds each success to its route's schema. */
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { createToken } from "../../shared/app/create-token.ts";
import { makeBearerToken } from "../../shared/http/bearer-token.ts";
import type { HttpResponse } from "../../shared/http/problem.ts";
import { AccountId } from "../../shared/model/ids.ts";
import { type Operation, ROUTES, type Route } from "../../shared/model/routes.ts";
import type { Role } from "../../shared/model/token.ts";
import { aRequestTo } from "./http-event.ts";
import { okValue } from "./joined-host.ts";
import type { World } from "./memory-world.ts";

type Handler = (event: APIGatewayProxyEventV2) => Promise<HttpResponse>;
export type Answered = {
  readonly status: number | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of an answer, for matchers to look into.
  readonly json: any;
  readonly headers: HttpResponse["headers"];
};

/** A caller with a token of that account and role. */
export async function aCaller(
  { deps }: World,
  handler: Handler,
  who: { readonly role: Role; readonly account?: string },
): Promise<(...request: Parameters<typeof aRequestTo>) => Promise<Answered>> {
  const token = makeBearerToken(deps.names.secret());
  const account = AccountId.parse(who.account ?? "acme");
  okValue(await createToken(deps, { account, role: who.role, token }));
  return async (operation, parts = {}) => {
    const headers = { authorization: `Bearer ${token.text}`, ...parts.headers };
    const {
      statusCode,
      body,
      headers: answered,
    } = await handler(aRequestTo(operation, { ...parts, headers }));
    const json: unknown = body === undefined ? undefined : JSON.parse(body);
    if (statusCode !== undefined && statusCode < 300) assertAnswer(operation, statusCode, json);
    return { status: statusCode, json, headers: answered };
  };
}

function assertAnswer(operation: Operation, status: number, json: unknown): void {
  const { answers }: Route = ROUTES[operation];
  const schema = answers[status];
  if (schema === undefined) throw new Error(`${operation} has no answer ${status}`);
  if (schema === null && json !== undefined) throw new Error(`${operation} ${status} has no body`);
  schema?.parse(json);
}
