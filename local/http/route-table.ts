/**
 * Which route a request takes, as an HTTP API chooses: the method must fit, then the most specific path wins (a literal
 * segment before a variable, from the left), then `$default`.
 */
import type { RouteModel } from "../template/stack-model.ts";
import { TemplateError } from "../template/template.ts";

export type Match = {
  readonly route: RouteModel;
  readonly pathParameters: Readonly<Record<string, string>> | undefined;
};

export interface RouteTable {
  readonly match: (request: {
    readonly method: string;
    readonly path: string;
  }) => Match | undefined;
}

type Compiled = {
  readonly route: RouteModel;
  readonly method: string;
  readonly segments: readonly Segment[];
};
type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string };

const DEFAULT_KEY = "$default";

export function routeTable(routes: readonly RouteModel[]): RouteTable {
  const fallback = routes.find(({ key }) => key === DEFAULT_KEY);
  const compiled = routes
    .filter(({ key }) => key !== DEFAULT_KEY)
    .map(compile)
    .sort(bySpecificity);
  return {
    match: ({ method, path }) => {
      const parts = path.split("/").slice(1);
      for (const one of compiled) {
        if (one.method !== method) continue;
        const pathParameters = parametersOf(one.segments, parts);
        if (pathParameters === undefined) continue;
        const any = Object.keys(pathParameters).length > 0;
        return { route: one.route, pathParameters: any ? pathParameters : undefined };
      }
      return fallback && { route: fallback, pathParameters: undefined };
    },
  };
}

function compile(route: RouteModel): Compiled {
  const [, method, path] =
    /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (\/.*)$/.exec(route.key) ?? [];
  if (method === undefined || path === undefined || path.includes("+}"))
    throw new TemplateError(`not supported locally: route key ${route.key}`);
  const segments = path
    .split("/")
    .slice(1)
    .map((text): Segment => {
      const [, name] = /^\{([^}]+)\}$/.exec(text) ?? [];
      return name === undefined ? { kind: "literal", text } : { kind: "variable", name };
    });
  return { route, method, segments };
}

/** Literals sort first, segment by segment. */
function bySpecificity(left: Compiled, right: Compiled): number {
  const rank = ({ segments }: Compiled) =>
    segments.map(({ kind }) => (kind === "literal" ? "0" : "1")).join("");
  return rank(left).localeCompare(rank(right));
}

/** Undefined where the path does not fit. A variable takes one segment that is not empty. */
function parametersOf(
  segments: readonly Segment[],
  parts: readonly string[],
): Record<string, string> | undefined {
  if (segments.length !== parts.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = parts[index] ?? "";
    if (segment.kind === "literal" ? segment.text !== part : part === "") return undefined;
    if (segment.kind === "variable") parameters[segment.name] = part;
  }
  return parameters;
}
