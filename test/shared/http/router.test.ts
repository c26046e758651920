import { describe, expect, it } from "vitest";
import { makeBearerToken } from "../../../shared/http/bearer-token.ts";
import { bearerGate, openGate } from "../../../shared/http/gate.ts";
import { apiHandler, endpointBehind } from "../../../shared/http/router.ts";
import { AccountId } from "../../../shared/model/ids.ts";
import { type Answer, refuse } from "../../../shared/model/problem.ts";
import { BODY_BYTES_MAX, ROUTES } from "../../../shared/model/routes.ts";
import type { Role } from "../../../shared/model/token.ts";
import { TokenId } from "../../../shared/model/token.ts";
import { anEvent, aRequestTo } from "../../support/http-event.ts";

const token = makeBearerToken("s".repeat(43));
const authorization = `Bearer ${token.text}`;
const ACCOUNT = AccountId.parse("acme");

/** The tokens family over one handler of a creation, which answers what the test says. */
function family(
  options: {
    readonly role?: Role;
    readonly create?: (request: {
      readonly requestHash: string;
      readonly idempotencyKey?: string | undefined;
    }) => Promise<Answer<never>>;
  } = {},
) {
  const logged: unknown[] = [];
  const counted: string[] = [];
  const on = endpointBehind(
    bearerGate(async (given) =>
      given.text === token.text ? { account: ACCOUNT, role: options.role ?? "admin" } : undefined,
    ),
  );
  const handler = apiHandler(
    "tokens",
    {
      createToken: on(ROUTES.createToken, async (request) => {
        if (options.create !== undefined) return await options.create(request);
        const { account = request.caller.account, role, label = "-" } = request.body;
        const id = TokenId.parse("0123456789abcdef");
        const body = { id, account, role, label, createdAt: "2026-01-01T00:00:00Z", token: "t" };
        return { ok: true, value: { status: 201, body, headers: { location: "/v1/x" } } };
      }),
      listTokens: on(ROUTES.listTokens, async () => ({
        ok: true,
        value: { status: 200, body: { items: [] } },
      })),
      deleteToken: on(ROUTES.deleteToken, async () => ({ ok: true, value: { status: 204 } })),
    },
    {
      now: () => 0,
      log: (entry) => logged.push(entry),
      count: (metric) => counted.push(metric),
    },
  );
  const call = async (...request: Parameters<typeof aRequestTo>) => {
    const [operation, parts = {}] = request;
    const headers = { authorization, ...parts.headers };
    const response = await handler(aRequestTo(operation, { ...parts, headers }));
    return {
      ...response,
      json: response.body === undefined ? undefined : JSON.parse(response.body),
    };
  };
  return { handler, call, logged, counted };
}

describe("a request that is right", () => {
  it("is answered with what the handler said, as JSON", async () => {
    const response = await family().call("createToken", { body: { role: "viewer", label: "ci" } });
    expect(response).toMatchObject({
      statusCode: 201,
      headers: {
        "content-type": "application/json",
        location: "/v1/x",
        "cache-control": "no-store",
      },
      json: { account: "acme", role: "viewer", label: "ci" },
    });
  });

  it("is answered without a body where there is none to give", async () => {
    const response = await family().call("deleteToken", { params: { tokenId: "x" } });
    expect(response.statusCode).toBe(204);
    expect(response.body).toBeUndefined();
    expect(response.headers).not.toHaveProperty("content-type");
  });
});

describe("a request from nobody", () => {
  it.each([undefined, "", "Bearer x", `Bearer ${makeBearerToken("z".repeat(43)).text}`])(
    "is refused: %j",
    async (header) => {
      const { handler } = family();
      const headers = header === undefined ? {} : { authorization: header };
      const response = await handler(aRequestTo("listTokens", { headers }));
      expect(response).toMatchObject({
        statusCode: 401,
        headers: { "www-authenticate": "Bearer" },
      });
      expect(JSON.parse(response.body ?? "")).toEqual({
        type: "urn:vmsync:problem:unauthenticated",
        title: "No valid credential",
        status: 401,
        detail: "a valid API token is needed",
        code: "unauthenticated",
      });
    },
  );

  it("is refused before its body is read", async () => {
    const { handler } = family();
    expect(await handler(aRequestTo("createToken", { body: "{" }))).toMatchObject({
      statusCode: 401,
    });
  });
});

describe("a request from somebody of too low a role", () => {
  it.each(["viewer", "operator"] as const)("is refused: %s", async (role) => {
    const response = await family({ role }).call("listTokens");
    expect(response).toMatchObject({ statusCode: 403, json: { code: "forbidden" } });
  });
});

describe("a request that does not match its schemas (1)", () => {
  it("has each wrong field named, unknown ones too", async () => {
    const { json } = await family().call("createToken", {
      body: { role: "king", label: 1, colour: "red", size: { x: 1 } },
    });
    expect(json).toMatchObject({ status: 400, code: "invalid_request" });
    expect(json.errors.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      "colour",
      "label",
      "role",
      "size",
    ]);
    expect(json.errors).toContainEqual({ path: "colour", message: "unknown field" });
  });

  it("names a parameter of the query", async () => {
    for (const limit of ["0", "201", "x", "1,2", "-1", "1e2"]) {
      const { json } = await family().call("listTokens", { query: { limit } });
      expect(json).toMatchObject({ code: "invalid_request", errors: [{ path: "limit" }] });
    }
    const unknown = await family().call("listTokens", { query: { color: "red" } });
    expect(unknown.json.errors).toEqual([{ path: "color", message: "unknown field" }]);
  });

  it.each([undefined, "null", "[]", '"x"', "1"])("has no such body: %j", async (body) => {
    const { json } = await family().call("createToken", { body });
    expect(json).toMatchObject({ status: 400, code: "invalid_request", errors: [{ path: "" }] });
  });

  it("is told so for malformed JSON", async () => {
    const { json } = await family().call("createToken", { body: '{"role":' });
    expect(json).toMatchObject({
      code: "invalid_request",
      detail: "the body is not JSON in UTF-8",
    });
  });

  it("names no more than fifty errors", async () => {
    const body = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${n}`, n]));
    const { json } = await family().call("createToken", { body });
    expect(json.errors).toHaveLength(50);
  });

  it("is refused for its size, its type", async () => {
    const large = { role: "viewer", label: "x".repeat(BODY_BYTES_MAX) };
    expect(await family().call("createToken", { body: large })).toMatchObject({ statusCode: 413 });
    const headers = { "content-type": "text/plain" };
    expect(await family().call("createToken", { body: {}, headers })).toMatchObject({
      statusCode: 415,
    });
  });

  it("may carry a body where none is read", async () => {
    expect(await family().call("listTokens", { body: "{" })).toMatchObject({ statusCode: 200 });
  });
});

describe("an Idempotency-Key", () => {
  const keyed = async (key: string) => {
    let seen: string | undefined;
    const { call } = family({
      create: async ({ idempotencyKey }) => {
        seen = idempotencyKey;
        return refuse("rate_limited", "enough");
      },
    });
    const headers = { "idempotency-key": key };
    const { json } = await call("createToken", { body: { role: "viewer" }, headers });
    return { seen, json };
  };

  it.each(["a", "x".repeat(128), "~!#,"])("reaches the handler: %j", async (key) => {
    expect((await keyed(key)).seen).toBe(key);
  });

  it.each(["", "x".repeat(129), "a b", "ü", "a\tb"])("is refused: %j", async (key) => {
    const { seen, json } = await keyed(key);
    expect(seen).toBeUndefined();
    expect(json).toMatchObject({ code: "invalid_request", errors: [{ path: "Idempotency-Key" }] });
  });

  it("comes with a hash of what was parsed", async () => {
    const hashes: string[] = [];
    const { call } = family({
      create: async ({ requestHash }) => {
        hashes.push(requestHash);
        return refuse("rate_limited", "enough");
      },
    });
    await call("createToken", { body: '{"role":"viewer","label":"a"}' });
    await call("createToken", { body: '{ "label": "a", "role": "viewer" }' });
    await call("createToken", { body: '{"role":"viewer","label":"b"}' });
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });
});

describe("a refusal (3)", () => {
  const refused = (answer: ReturnType<typeof refuse>) =>
    family({ create: async () => answer }).call("createToken", { body: { role: "viewer" } });

  it("is a problem document with its extra members", async () => {
    expect(
      await refused(refuse("vm_state_conflict", "it runs", { state: "Running" })),
    ).toMatchObject({
      statusCode: 409,
      headers: { "content-type": "application/problem+json" },
      json: { code: "vm_state_conflict", status: 409, detail: "it runs", state: "Running" },
    });
  });

  it("cannot have its members overruled by an extra one", async () => {
    const { json } = await refused(refuse("forbidden", "no", { code: "ok", status: 200 }));
    expect(json).toMatchObject({ code: "forbidden", status: 403 });
  });

  it("says when to come again where that helps", async () => {
    const full = { ...refuse("apartment_full", "full"), retryAfterSeconds: 7 };
    expect((await refused(full)).headers).toMatchObject({ "retry-after": "7" });
    expect((await refused(refuse("rate_limited", "x"))).headers).toMatchObject({
      "retry-after": "2",
    });
    expect((await refused(refuse("vm_exists", "x"))).headers).not.toHaveProperty("retry-after");
  });
});

describe("an exception (3)", () => {
  const failing = async (error: unknown) => {
    const { call, logged } = family({
      create: async () => {
        throw error;
      },
    });
    return { ...(await call("createToken", { body: { role: "viewer" } })), logged };
  };

  it("is internal, with the request's id and nothing of the error", async () => {
    const error = new Error("secret");
    const response = await failing(error);
    expect(response).toMatchObject({
      statusCode: 500,
      json: { code: "internal", requestId: "request-1" },
    });
    expect(response.body).not.toContain("secret");
    expect(response.logged).toMatchObject([
      { level: "error", route: "POST /v1/tokens", requestId: "request-1", error },
    ]);
  });

  it("of something outside is unavailable, to be tried again", async () => {
    const cause = Object.assign(new Error("throttled"), { transient: true });
    const response = await failing(new Error("create of 1", { cause }));
    expect(response).toMatchObject({
      statusCode: 503,
      headers: { "retry-after": "2" },
      json: { code: "unavailable" },
    });
  });
});

describe("a function", () => {
  it("counts what it refuses, by family and code, and nothing that it answers (4)", async () => {
    const { call, counted } = family();
    await call("listTokens");
    await call("createToken", { body: { role: "nobody" } });
    await call("listTokens", { headers: { authorization: "Bearer wrong" } });
    expect(counted).toEqual(["refused.tokens.invalid_request", "refused.tokens.unauthenticated"]);
  });

  it("answers no route of another family (2)", async () => {
    const { handler } = family();
    const response = await handler(aRequestTo("listVms", { headers: { authorization } }));
    expect(response.statusCode).toBe(500);
    const unknown = await handler(anEvent({ method: "GET", path: "/x" }));
    expect(unknown.statusCode).toBe(500);
  });

  it("answers whoever asks where its gate is open", async () => {
    const handler = apiHandler(
      "system",
      {
        health: endpointBehind(openGate)(ROUTES.health, async () => ({
          ok: true,
          value: { status: 200, body: { status: "ok", version: "1", now: "2026-01-01T00:00:00Z" } },
        })),
        openApi: endpointBehind(openGate)(ROUTES.openApi, async () => ({
          ...{ ok: true, value: { status: 200, body: {} } },
        })),
      },
      { now: () => 0, log: () => {}, count: () => {} },
    );
    expect(await handler(aRequestTo("health"))).toMatchObject({ statusCode: 200 });
  });
});
