/** What the `$default` route answers: to a path that no route has, or that none has with this method. */
import { type Refusal, refuse } from "../model/problem.ts";
import { ROUTES } from "../model/routes.ts";
import { isVerb } from "../model/verbs.ts";

const PATTERNS = Object.values(ROUTES).map(({ method, path }) => ({
  method,
  pattern: new URLPattern({ pathname: path.replaceAll(/\{(\w+)\}/g, ":$1") }),
}));

/** The refusal, and the methods for its `Allow` header where the path is one. */
export function refuseUnknownRoute(request: { readonly method: string; readonly path: string }): {
  readonly refusal: Refusal;
  readonly allow: readonly string[];
} {
  const allow = methodsOf(request.path).toSorted();
  return allow.length === 0 || allow.includes(request.method)
    ? {
        refusal: refuse("route_not_found", `${request.method} ${request.path} is no route`),
        allow: [],
      }
    : {
        refusal: refuse("method_not_allowed", `${request.path} takes ${allow.join(", ")}`),
        allow,
      };
}

function methodsOf(path: string): readonly string[] {
  const methods = PATTERNS.flatMap(({ method, pattern }) => {
    const match = pattern.exec({ pathname: path });
    if (match === null) return [];
    // `/v1/vms/{vmId}/{verb}` matches any word; only a verb's is a path.
    const verb = match.pathname.groups["verb"];
    return verb === undefined || isVerb(verb) ? [method] : [];
  });
  return [...new Set(methods)];
}
