import { describe, expect, it } from "vitest";
import { refuseUnknownRoute } from "../../../shared/http/unknown-route.ts";

const answer = (method: string, path: string) => {
  const { refusal, allow } = refuseUnknownRoute({ method, path });
  return [refusal.code, ...allow];
};

describe("a request that no route takes", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/v2/vms"],
    ["GET", "/v1/vms/"],
    ["GET", "/v1/nothing"],
    ["GET", "/v1/vms/x/history"],
    ["POST", "/v1/vms/x/y/z"],
  ])("%s %s is of no path", (method, path) => {
    expect(answer(method, path)).toEqual(["route_not_found"]);
  });

  it.each([
    ["PUT", "/v1/vms", "GET", "POST"],
    ["HEAD", "/v1/health", "GET"],
    ["DELETE", "/v1/vms/x", "GET", "PATCH"],
    ["GET", "/v1/vms/x/start", "POST"],
    ["PUT", "/v1/vms/x/apartment", "GET", "POST"],
    ["GET", "/v1/agents/a/reports", "POST"],
  ])("%s %s is of another method", (method, path, ...allow) => {
    expect(answer(method, path)).toEqual(["method_not_allowed", ...allow]);
  });
});
