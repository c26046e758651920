import { describe, expect, it } from "vitest";
import { routeTable } from "../../../local/http/route-table.ts";

const route = (key: string) => ({ key, functionName: key, timeoutMs: 1 });
const keys = [
  "GET /v1/vms",
  "GET /v1/vms/{vmId}",
  "GET /v1/vms/{vmId}/apartment",
  "POST /v1/vms/{vmId}/apartment",
  "POST /v1/vms/{vmId}/{verb}",
  "$default",
];
const table = routeTable(keys.map(route));

describe("choosing a route", () => {
  it.each([
    ["GET", "/v1/vms", "GET /v1/vms", undefined],
    ["GET", "/v1/vms/7", "GET /v1/vms/{vmId}", { vmId: "7" }],
    ["POST", "/v1/vms/7/apartment", "POST /v1/vms/{vmId}/apartment", { vmId: "7" }],
    ["POST", "/v1/vms/7/start", "POST /v1/vms/{vmId}/{verb}", { vmId: "7", verb: "start" }],
    ["DELETE", "/v1/vms/7", "$default", undefined],
    ["GET", "/v1/vms/", "$default", undefined],
    ["GET", "/v1/vms/7/start/now", "$default", undefined],
    ["GET", "/", "$default", undefined],
  ])("%s %s takes %s", (method, path, key, pathParameters) => {
    const match = table.match({ method, path });
    expect(match?.route.key).toBe(key);
    expect(match?.pathParameters).toEqual(pathParameters);
  });

  it("does not hang on the order in which routes are declared", () => {
    const reversed = routeTable([...keys].reverse().map(route));
    expect(reversed.match({ method: "POST", path: "/v1/vms/7/apartment" })?.route.key).toBe(
      "POST /v1/vms/{vmId}/apartment",
    );
  });

  it("finds nothing without a default route", () => {
    expect(routeTable([]).match({ method: "GET", path: "/" })).toBeUndefined();
  });

  it.each(["ANY /x", "GET /{all+}"])("refuses %s, which it cannot do", (key) => {
    expect(() => routeTable([route(key)])).toThrow(key);
  });
});
