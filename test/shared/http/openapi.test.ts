import { describe, expect, it } from "vitest";
import { openApiDocument } from "../../../shared/http/openapi.ts";
import { PROBLEMS } from "../../../shared/model/problem.ts";
import { OpenApiDocument, type Operation } from "../../support/openapi-document.ts";

const document = OpenApiDocument.parse(
  JSON.parse(JSON.stringify(openApiDocument({ version: "1.2.3" }))),
);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    ...{ path, method, name: `${method.toUpperCase()} ${path}`, operation },
  })),
);
const of = (name: string): Operation => {
  const found = operations.find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} is not there`);
  return found.operation;
};

/** The contract's, by hand, and the list of orphans: what the document is checked against is not what it is made of. */
const CONTRACT = `
  POST /v1/vms            GET /v1/vms             GET /v1/vms/{vmId}        PATCH /v1/vms/{vmId}
  GET /v1/vms/{vmId}/apartment                    POST /v1/vms/{vmId}/apartment
  GET /v1/vms/{vmId}/history
  GET /v1/jobs            GET /v1/jobs/{jobId}    POST /v1/jobs/{jobId}/cancel
  GET /v1/events          POST /v1/events
  POST /v1/hosts          GET /v1/hosts           GET /v1/hosts/{hostId}    DELETE /v1/hosts/{hostId}
  POST /v1/hosts/{hostId}/maintenance             POST /v1/hosts/{hostId}/fenced
  POST /v1/hosts/{hostId}/join-token              GET /v1/hosts/{hostId}/orphans
  POST /v1/hosts/{hostId}/orphans/{vmId}/adopt
  GET /v1/incidents       POST /v1/incidents/{id}/resolve
  POST /v1/tokens         GET /v1/tokens          DELETE /v1/tokens/{tokenId}
  GET /v1/openapi.json    GET /v1/health
  POST /v1/agents/{hostId}/join                   POST /v1/agents/{hostId}/session
  POST /v1/agents/{hostId}/reports                POST /v1/agents/{hostId}/results
`;
const VERBS =
  "start stop reboot suspend resume migrate destroy recover expunge scale snapshot revert delete-snapshot attach detach";
const QUERIES = {
  "GET /v1/vms": "state hostId name powerState limit cursor",
  "GET /v1/jobs": "vmId hostId status type limit cursor",
  "GET /v1/jobs/{jobId}": "waitSeconds",
  "GET /v1/vms/{vmId}/history": "limit cursor",
  "GET /v1/events": "after vmId hostId type limit",
  "GET /v1/hosts": "limit cursor",
  "GET /v1/hosts/{hostId}/orphans": "limit cursor",
  "GET /v1/incidents": "state vmId hostId kind limit cursor",
  "GET /v1/tokens": "limit cursor",
};

describe("the OpenAPI document", () => {
  it("has the routes and verbs of the contract, and no other", () => {
    const routes = CONTRACT.trim().split(/\s{2,}/);
    const verbs = VERBS.split(" ").map((verb) => `POST /v1/vms/{vmId}/${verb}`);
    expect(operations.map(({ name }) => name).toSorted()).toEqual([...routes, ...verbs].toSorted());
  });

  it("has the contract's query parameters, and no other", () => {
    const queries = operations
      .map(({ name, operation }) => [name, namesIn(operation, "query").toSorted()] as const)
      .filter(([, names]) => names.length > 0);
    const expected = Object.entries(QUERIES).map(
      ([name, names]) => [name, names.split(" ").toSorted()] as const,
    );
    expect(Object.fromEntries(queries)).toEqual(Object.fromEntries(expected));
  });

  it("names each parameter of a path, and each operation once", () => {
    for (const { path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(namesIn(operation, "path").toSorted()).toEqual(inPath.toSorted());
    }
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("refers to nothing that it has not", () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? "");
    const { schemas, responses } = document.components;
    const there = [
      ...Object.keys(schemas).map((name) => `#/components/schemas/${name}`),
      ...Object.keys(responses).map((name) => `#/components/responses/${name}`),
    ];
    expect([...new Set(references)].toSorted()).toEqual(there.toSorted());
  });

  it("gives every user's POST an Idempotency-Key, and everything its refusals", () => {
    for (const { method, name, operation } of operations) {
      const isUsers = operation.security.some((scheme) => "apiToken" in scheme);
      const keys = isUsers && method === "post" ? ["Idempotency-Key"] : [];
      expect([name, namesIn(operation, "header")]).toEqual([name, keys]);
      expect(operation.responses["default"]).toEqual({ $ref: "#/components/responses/Problem" });
    }
    expect(document.components.schemas["Problem"]).toMatchObject({
      properties: { code: { enum: Object.keys(PROBLEMS) } },
    });
  });

  it("lets whoever comes ask for nothing but itself, health and a join", () => {
    const open = operations.filter(({ operation }) => operation.security.length === 0);
    expect(open.map(({ name }) => name).toSorted()).toEqual([
      "GET /v1/health",
      "GET /v1/openapi.json",
      "POST /v1/agents/{hostId}/join",
    ]);
  });

  it("says what is taken and answered as the schemas do", () => {
    const job = { "application/json": { schema: { $ref: "#/components/schemas/Job" } } };
    const start = of("POST /v1/vms/{vmId}/start");
    expect(start.responses["202"]).toMatchObject({ content: job });
    expect(start.requestBody).toMatchObject({ required: false });
    expect(of("POST /v1/vms/{vmId}/snapshot").requestBody).toMatchObject({
      required: true,
      content: {
        "application/json": { schema: { required: ["name"], additionalProperties: false } },
      },
    });
    expect(of("GET /v1/vms").parameters).toContainEqual({
      ...{ name: "limit", in: "query", required: false },
      schema: { type: "integer", minimum: 1, maximum: 200 },
    });
    expect(of("GET /v1/vms").responses["200"]).toMatchObject({
      content: {
        "application/json": {
          schema: { properties: { items: { items: { $ref: "#/components/schemas/Vm" } } } },
        },
      },
    });
    expect(of("DELETE /v1/hosts/{hostId}").responses["204"]).toEqual({ description: "Done." });
  });
});

function namesIn(operation: Operation, where: string): readonly string[] {
  return operation.parameters.filter((each) => each.in === where).map(({ name }) => name);
}
