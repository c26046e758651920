/** Who is let in: what stands before a route's handler, by the route's `auth`. */
import { type Answer, refuse } from "../model/problem.ts";
import type { Route, RouteAuth } from "../model/routes.ts";
import { type Caller, mayAct, type Role } from "../model/token.ts";
import { type BearerToken, bearerTokenOf } from "./bearer-token.ts";

/** A request as it came, its body not yet looked into. */
export type Exchange = {
  readonly method: string;
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly bytes: Uint8Array;
  readonly requestId: string;
};

/** Lets a request in as somebody, or refuses it. Good for routes of the auth `A` only. */
export type Gate<A extends RouteAuth, C> = (
  exchange: Exchange,
  route: Route & { readonly auth: A },
) => Promise<Answer<C>>;

/** Lets in whoever comes; what a join is worth, its token says. */
export const openGate: Gate<"none" | "join-token", undefined> = async () => ({
  ok: true,
  value: undefined,
});

/** Lets in the holder of an API token of the route's role, or of one above it. */
export function bearerGate(
  authenticate: (token: BearerToken) => Promise<Caller | undefined>,
): Gate<Role, Caller> {
  return async ({ headers }, route) => {
    const token = bearerTokenOf(headers["authorization"]);
    const caller = token === undefined ? undefined : await authenticate(token);
    // One answer, whatever was wrong: a stranger learns nothing of what exists.
    if (caller === undefined) return refuse("unauthenticated", "a valid API token is needed");
    return mayAct(caller.role, route.auth)
      ? { ok: true, value: caller }
      : refuse("forbidden", `this needs the role ${route.auth}`);
  };
}
