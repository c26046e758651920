/** What users may send and must not get through, with the contract's answer to each. */
import { gzipSync } from "node:zlib";
import type { ProblemCode } from "../../shared/model/problem.ts";
import { BODY_BYTES_MAX } from "../../shared/model/routes.ts";
import { DOMAIN_XML_BYTES_MAX } from "../../shared/model/vm.ts";

/** Whose token: of the VM's account and role, of an operator elsewhere, or one that is none. */
export type Who = "admin" | "operator" | "viewer" | "stranger" | "deleted";

export type BadUserRequest = {
  readonly code: ProblemCode;
  /** Of `invalid_request`: the field that the answer names. */
  readonly names?: string;
  /** Of `method_not_allowed`. */
  readonly allow?: string;
  readonly method: string;
  /** `{vm}`, `{job}`, `{host}` and `{incident}` are the scene's own. */
  readonly path: string;
  readonly who?: Who;
  readonly json?: unknown;
  /** Instead of `json`: as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  /** Beside, or instead of, what `who` and the body bring. */
  readonly headers?: Readonly<Record<string, string>>;
};

const SPEC = { cpus: 1, memoryMiB: 64 };
const VM = { name: "never-made", spec: SPEC };
const NOBODY = "00000000-0000-4000-8000-000000000000";
const TOO_LONG = "x".repeat(BODY_BYTES_MAX + 1);
/** Longer than any key that DynamoDB takes. */
const ENDLESS = "x".repeat(3000);

const createVm = { method: "POST", path: "/v1/vms" } as const;
const startVm = { method: "POST", path: "/v1/vms/{vm}/start" } as const;
const badBody = (names: string, json: unknown): BadUserRequest => ({
  ...{ ...createVm, code: "invalid_request", names, json },
});
const badQuery = (path: string, names: string): BadUserRequest => ({
  ...{ method: "GET", path, code: "invalid_request", names },
});
const missing = (method: string, path: string, code: ProblemCode): BadUserRequest => ({
  ...{ method, path, code },
});
const noCredential = (headers: BadUserRequest["headers"]): BadUserRequest => ({
  ...{ method: "GET", path: "/v1/vms", code: "unauthenticated" },
  ...(headers === undefined ? {} : { headers }),
});

/** By title. */
export const BAD_USER_REQUESTS: Readonly<Record<string, BadUserRequest>> = {
  "malformed JSON": { ...createVm, code: "invalid_request", names: "", raw: '{"name":' },
  "text that is not UTF-8": {
    ...{ ...createVm, code: "invalid_request", names: "" },
    raw: new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
  },
  "a list for a body": badBody("", [VM]),
  "a body nested without end": {
    ...{ ...createVm, code: "invalid_request", names: "" },
    raw: "[".repeat(10_000) + "]".repeat(10_000),
  },
  "no body": { ...createVm, code: "invalid_request", names: "" },
  "an unknown field": badBody("flavour", { ...VM, flavour: "large" }),
  "an unknown field within": badBody("spec.gpus", { ...VM, spec: { ...SPEC, gpus: 1 } }),
  "the field __proto__": {
    ...{ ...createVm, code: "invalid_request", names: "__proto__" },
    raw: `{"__proto__":{"name":"x"},${JSON.stringify(VM).slice(1)}`,
  },
  "an unknown field of a verb": {
    ...{ ...startVm, code: "invalid_request", names: "hostID" },
    json: { hostID: "host-a" },
  },
  "a field where there is no body": {
    ...{ method: "POST", path: "/v1/hosts/{host}/join-token" },
    ...{ code: "invalid_request", names: "force", json: { force: true } },
  },
  "an unknown parameter": badQuery("/v1/vms?colour=red", "colour"),
  "a parameter of a route without any": badQuery("/v1/vms/{vm}?verbose=1", "verbose"),

  "a VM id that is none": badQuery("/v1/vms/not-an-id", "vmId"),
  "a VM id in capitals": badQuery(`/v1/vms/${NOBODY.replaceAll("0", "A")}`, "vmId"),
  "a job id that is none": badQuery("/v1/jobs/1", "jobId"),
  "a host id that is none": badQuery("/v1/hosts/Host_A", "hostId"),
  "a VM id in the body that is none": badBody("id", { ...VM, id: "1" }),
  "an unknown VM": missing("GET", `/v1/vms/${NOBODY}`, "vm_not_found"),
  "an unknown VM's start": missing("POST", `/v1/vms/${NOBODY}/start`, "vm_not_found"),
  "an unknown VM's apartment": missing("GET", `/v1/vms/${NOBODY}/apartment`, "vm_not_found"),
  "an unknown job": missing("GET", `/v1/jobs/${NOBODY}`, "job_not_found"),
  "an unknown host": missing("GET", "/v1/hosts/nobody", "host_not_found"),
  "an unknown host's token": missing("POST", "/v1/hosts/nobody/join-token", "host_not_found"),
  "an unknown incident": missing("POST", "/v1/incidents/none/resolve", "incident_not_found"),
  "an endless incident id": missing(
    ...(["POST", `/v1/incidents/${ENDLESS}/resolve`, "incident_not_found"] as const),
  ),
  "an unknown token": missing("DELETE", "/v1/tokens/0123456789abcdef", "token_not_found"),
  "an endless token id": missing("DELETE", `/v1/tokens/${ENDLESS}`, "token_not_found"),

  "a body over 256 KiB": { ...createVm, code: "payload_too_large", raw: TOO_LONG },
  "a gzip bomb": {
    ...{ ...createVm, code: "payload_too_large", raw: new Uint8Array(gzipSync(TOO_LONG)) },
    headers: { "content-encoding": "gzip" },
  },
  "another content type": {
    ...{ ...createVm, code: "unsupported_media_type", json: VM },
    headers: { "content-type": "text/plain" },
  },
  "another encoding": {
    ...{ ...createVm, code: "unsupported_media_type", json: VM },
    headers: { "content-encoding": "br" },
  },

  "no token": noCredential({ authorization: "" }),
  "an unknown token's text": noCredential({
    authorization: `Bearer vmsync_0123456789abcdef_${"s".repeat(43)}`,
  }),
  "a malformed token": noCredential({ authorization: "Bearer vmsync_admin" }),
  "another scheme": noCredential({ authorization: "Basic YWRtaW46YWRtaW4=" }),
  "a deleted token": { ...noCredential(undefined), who: "deleted" },

  "a viewer's new VM": { ...createVm, code: "forbidden", who: "viewer", json: VM },
  "a viewer's start": { ...startVm, code: "forbidden", who: "viewer" },
  "a viewer's PATCH": {
    ...{ method: "PATCH", path: "/v1/vms/{vm}", code: "forbidden", who: "viewer" },
    json: { name: "mine" },
  },
  "a viewer's pause": {
    ...{ method: "POST", path: "/v1/vms/{vm}/apartment", code: "forbidden", who: "viewer" },
    json: { paused: true },
  },
  "an operator's new host": {
    ...{ method: "POST", path: "/v1/hosts", code: "forbidden", who: "operator" },
    json: { id: "host-z" },
  },
  "an operator's look at hosts": {
    ...{ method: "GET", path: "/v1/hosts", code: "forbidden", who: "operator" },
  },
  "an operator's new token": {
    ...{ method: "POST", path: "/v1/tokens", code: "forbidden", who: "operator" },
    json: { role: "admin" },
  },

  "another account's VM": { ...missing("GET", "/v1/vms/{vm}", "vm_not_found"), who: "stranger" },
  "another account's start": { ...startVm, code: "vm_not_found", who: "stranger" },
  "another account's PATCH": {
    ...{ ...missing("PATCH", "/v1/vms/{vm}", "vm_not_found"), who: "stranger" },
    json: { name: "mine" },
  },
  "another account's pause": {
    ...{ ...missing("POST", "/v1/vms/{vm}/apartment", "vm_not_found"), who: "stranger" },
    json: { paused: true },
  },
  "another account's job": {
    ...{ ...missing("GET", "/v1/jobs/{job}", "job_not_found"), who: "stranger" },
  },
  "another account's incident": {
    ...missing("POST", "/v1/incidents/{incident}/resolve", "incident_not_found"),
    who: "stranger",
  },

  "an unknown verb": missing("POST", "/v1/vms/{vm}/teleport", "route_not_found"),
  "an unknown route": missing("GET", "/v1/nothing", "route_not_found"),
  "a route with one slash more": missing("GET", "/v1/vms/", "route_not_found"),
  "another method": {
    ...{ method: "PUT", path: "/v1/vms", code: "method_not_allowed", allow: "GET, POST" },
  },
  "another method of one VM": {
    ...{ method: "DELETE", path: "/v1/vms/{vm}", code: "method_not_allowed", allow: "GET, PATCH" },
  },
  "a look at a verb": {
    ...{ method: "GET", path: "/v1/vms/{vm}/start", code: "method_not_allowed", allow: "POST" },
  },

  "a limit of 0": badQuery("/v1/vms?limit=0", "limit"),
  "a limit of 201": badQuery("/v1/jobs?limit=201", "limit"),
  "a limit in words": badQuery("/v1/hosts?limit=all", "limit"),
  "a cursor of nobody's": badQuery("/v1/vms?cursor=nonsense", "cursor"),
  "a cursor of jobs": badQuery("/v1/jobs?cursor=e30", "cursor"),
  "a cursor of hosts": badQuery("/v1/hosts?cursor=%00", "cursor"),
  "an endless cursor": badQuery(`/v1/incidents?cursor=${ENDLESS}`, "cursor"),
  "a wait of 21 seconds": badQuery("/v1/jobs/{job}?waitSeconds=21", "waitSeconds"),

  "an empty Idempotency-Key": {
    ...{ ...startVm, code: "invalid_request", names: "Idempotency-Key" },
    headers: { "idempotency-key": "" },
  },
  "an Idempotency-Key with a space": {
    ...{ ...startVm, code: "invalid_request", names: "Idempotency-Key" },
    headers: { "idempotency-key": "a b" },
  },
  "an Idempotency-Key of 129": {
    ...{ ...startVm, code: "invalid_request", names: "Idempotency-Key" },
    headers: { "idempotency-key": "k".repeat(129) },
  },
  "a used Idempotency-Key": {
    ...{ ...createVm, code: "idempotency_conflict", json: VM },
    headers: { "idempotency-key": "of-the-scene" },
  },

  "a VM that exists": { ...createVm, code: "vm_exists", json: { ...VM, id: "{vm}" } },
  "a host that exists": {
    ...{ method: "POST", path: "/v1/hosts", code: "host_exists", json: { id: "{host}" } },
  },
  "a name of 64": badBody("name", { ...VM, name: "n".repeat(64) }),
  "an empty name": badBody("name", { ...VM, name: "" }),
  "a host name of 64": {
    ...{ method: "POST", path: "/v1/hosts", code: "invalid_request", names: "id" },
    json: { id: "h".repeat(64) },
  },
  "domain XML over 64 KiB": badBody("spec.domainXml", {
    ...VM,
    spec: { ...SPEC, domainXml: "<".repeat(DOMAIN_XML_BYTES_MAX + 1) },
  }),
  "domain XML over 64 KiB in bytes": badBody("spec.domainXml", {
    ...VM,
    spec: { ...SPEC, domainXml: "ü".repeat(DOMAIN_XML_BYTES_MAX / 2 + 1) },
  }),
  "no CPU": badBody("spec.cpus", { ...VM, spec: { ...SPEC, cpus: 0 } }),
  "memory without end": {
    ...{ ...createVm, code: "invalid_request", names: "spec.memoryMiB" },
    raw: '{"name":"n","spec":{"cpus":1,"memoryMiB":1e999}}',
  },
  "a host for a VM that is not started": badBody("hostId", { ...VM, hostId: "host-a" }),
  "an empty PATCH": {
    ...{ method: "PATCH", path: "/v1/vms/{vm}", code: "invalid_request", names: "", json: {} },
  },
  "a pause in words": {
    ...{ method: "POST", path: "/v1/vms/{vm}/apartment", code: "invalid_request" },
    ...{ names: "paused", json: { paused: "yes" } },
  },
};
