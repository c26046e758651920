import "../support/function-environment.ts";

import { describe, expect, it } from "vitest";
import { systemApi } from "../../functions/api-system.ts";
import { Health } from "../../shared/model/user-api.ts";
import { anEvent, aRequestTo } from "../support/http-event.ts";
import { aWorld } from "../support/memory-world.ts";

const handler = systemApi({ ...aWorld().deps, version: "1.2.3" });
const ask = async (method: string, path: string) => {
  const response = await handler(anEvent({ method, path }));
  return { ...response, json: JSON.parse(response.body ?? "null") };
};

describe("health", () => {
  it("is asked without a token", async () => {
    const { statusCode, body } = await handler(aRequestTo("health"));
    expect(statusCode).toBe(200);
    expect(Health.parse(JSON.parse(body ?? ""))).toEqual({
      status: "ok",
      version: "1.2.3",
      now: "2027-01-15T08:00:00.000Z",
    });
  });
});

describe("the OpenAPI document", () => {
  it("is asked without a token, and says which version it is of", async () => {
    const { statusCode, body } = await handler(aRequestTo("openApi"));
    expect(statusCode).toBe(200);
    expect(JSON.parse(body ?? "")).toMatchObject({ openapi: "3.1.0", info: { version: "1.2.3" } });
  });
});

describe("what no route takes", () => {
  it("is a problem document", async () => {
    expect(await ask("GET", "/nothing")).toMatchObject({
      statusCode: 404,
      headers: { "content-type": "application/problem+json" },
      json: { code: "route_not_found", status: 404 },
    });
  });

  it("names the methods that the path takes", async () => {
    expect(await ask("PUT", "/v1/vms")).toMatchObject({
      statusCode: 405,
      headers: { allow: "GET, POST" },
      json: { code: "method_not_allowed" },
    });
  });
});
