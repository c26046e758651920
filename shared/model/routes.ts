/**
 * The one list of routes. The router, the CDK template and the OpenAPI document come from it, so a route exists everywhere or
 * nowhere.
 */
import type * as z from "zod/mini";
import {
  JoinAnswer,
  JoinRequest,
  Report,
  ReportAnswer,
  Results,
  ResultsAnswer,
  SessionAnswer,
  SessionRequest,
} from "./agent-protocol.ts";
import { Apartment } from "./apartment-record.ts";
import { Host } from "./host.ts";
import { Incident } from "./incident.ts";
import { Job } from "./job.ts";
import type { Role } from "./token.ts";
import {
  AdoptRequest,
  AnyBody,
  CancelRequest,
  CreateHostRequest,
  CreateTokenRequest,
  CreateVmRequest,
  EventPage,
  FeedPage,
  FeedQuery,
  GetJobQuery,
  Health,
  HostAndJoinToken,
  HostPage,
  HostPath,
  IncidentPage,
  IncidentPath,
  JobPage,
  JobPath,
  JoinTokenAnswer,
  ListIncidentsQuery,
  ListJobsQuery,
  ListVmsQuery,
  MaintenanceRequest,
  NoBody,
  NoQuery,
  OpenApi,
  OrphanPage,
  OrphanPath,
  PageQuery,
  PatchVmRequest,
  PauseRequest,
  Published,
  PublishRequest,
  TokenMade,
  TokenPage,
  TokenPath,
  VmAndJob,
  VmPage,
  VmPath,
  VmVerbPath,
} from "./user-api.ts";
import { Vm } from "./vm.ts";

/** One Lambda each: `functions/api-<family>.ts`, but `agents`, which is `functions/ingest.ts`. */
export type RouteFamily =
  | "vms"
  | "jobs"
  | "hosts"
  | "incidents"
  | "events"
  | "tokens"
  | "system"
  | "agents";
export type Method = "GET" | "POST" | "PATCH" | "DELETE";
/** Who may call: anybody, a signing agent, or a token of at least that role. `join` proves itself by its join token. */
export type RouteAuth = "none" | "join-token" | "agent" | Role;

export type Route = {
  readonly method: Method;
  /** API Gateway's form: `/v1/vms/{vmId}`. */
  readonly path: string;
  readonly family: RouteFamily;
  readonly auth: RouteAuth;
  readonly params: z.ZodMiniType;
  readonly query: z.ZodMiniType;
  readonly body: z.ZodMiniType;
  /** Success statuses and what they carry; `null` is no body. */
  readonly answers: Readonly<Record<number, z.ZodMiniType | null>>;
};

const none = { params: NoQuery, query: NoQuery, body: NoBody } as const;

/** By operation name. */
export const ROUTES = {
  createVm: {
    ...none,
    method: "POST",
    path: "/v1/vms",
    family: "vms",
    auth: "operator",
    body: CreateVmRequest,
    answers: { 201: Vm, 202: VmAndJob },
  },
  listVms: {
    ...none,
    method: "GET",
    path: "/v1/vms",
    family: "vms",
    auth: "viewer",
    query: ListVmsQuery,
    answers: { 200: VmPage },
  },
  getVm: {
    ...none,
    method: "GET",
    path: "/v1/vms/{vmId}",
    family: "vms",
    auth: "viewer",
    params: VmPath,
    answers: { 200: Vm },
  },
  patchVm: {
    ...none,
    method: "PATCH",
    path: "/v1/vms/{vmId}",
    family: "vms",
    auth: "operator",
    params: VmPath,
    body: PatchVmRequest,
    answers: { 200: Vm },
  },
  getApartment: {
    ...none,
    method: "GET",
    path: "/v1/vms/{vmId}/apartment",
    family: "vms",
    auth: "viewer",
    params: VmPath,
    answers: { 200: Apartment },
  },
  pauseApartment: {
    ...none,
    method: "POST",
    path: "/v1/vms/{vmId}/apartment",
    family: "vms",
    auth: "operator",
    params: VmPath,
    body: PauseRequest,
    answers: { 200: Apartment },
  },
  // One route serves all verbs; the use case parses the body by the verb's own schema (`verbs.ts`).
  submitVerb: {
    ...none,
    method: "POST",
    path: "/v1/vms/{vmId}/{verb}",
    family: "vms",
    auth: "operator",
    params: VmVerbPath,
    body: AnyBody,
    answers: { 202: Job },
  },
  listJobs: {
    ...none,
    method: "GET",
    path: "/v1/jobs",
    family: "jobs",
    auth: "viewer",
    query: ListJobsQuery,
    answers: { 200: JobPage },
  },
  getJob: {
    ...none,
    method: "GET",
    path: "/v1/jobs/{jobId}",
    family: "jobs",
    auth: "viewer",
    params: JobPath,
    query: GetJobQuery,
    answers: { 200: Job },
  },
  cancelJob: {
    ...none,
    method: "POST",
    path: "/v1/jobs/{jobId}/cancel",
    family: "jobs",
    auth: "operator",
    params: JobPath,
    body: CancelRequest,
    answers: { 202: Job },
  },
  createHost: {
    ...none,
    method: "POST",
    path: "/v1/hosts",
    family: "hosts",
    auth: "admin",
    body: CreateHostRequest,
    answers: { 201: HostAndJoinToken },
  },
  listHosts: {
    ...none,
    method: "GET",
    path: "/v1/hosts",
    family: "hosts",
    auth: "admin",
    query: PageQuery,
    answers: { 200: HostPage },
  },
  getHost: {
    ...none,
    method: "GET",
    path: "/v1/hosts/{hostId}",
    family: "hosts",
    auth: "admin",
    params: HostPath,
    answers: { 200: Host },
  },
  maintainHost: {
    ...none,
    method: "POST",
    path: "/v1/hosts/{hostId}/maintenance",
    family: "hosts",
    auth: "admin",
    params: HostPath,
    body: MaintenanceRequest,
    answers: { 200: Host, 202: Job },
  },
  listOrphans: {
    ...none,
    method: "GET",
    path: "/v1/hosts/{hostId}/orphans",
    family: "hosts",
    auth: "admin",
    params: HostPath,
    query: PageQuery,
    answers: { 200: OrphanPage },
  },
  adoptOrphan: {
    ...none,
    method: "POST",
    path: "/v1/hosts/{hostId}/orphans/{vmId}/adopt",
    family: "hosts",
    auth: "admin",
    params: OrphanPath,
    body: AdoptRequest,
    answers: { 201: Vm },
  },
  fenceHost: {
    ...none,
    method: "POST",
    path: "/v1/hosts/{hostId}/fenced",
    family: "hosts",
    auth: "admin",
    params: HostPath,
    answers: { 200: Host },
  },
  deleteHost: {
    ...none,
    method: "DELETE",
    path: "/v1/hosts/{hostId}",
    family: "hosts",
    auth: "admin",
    params: HostPath,
    answers: { 204: null },
  },
  renewJoinToken: {
    ...none,
    method: "POST",
    path: "/v1/hosts/{hostId}/join-token",
    family: "hosts",
    auth: "admin",
    params: HostPath,
    answers: { 201: JoinTokenAnswer },
  },
  listIncidents: {
    ...none,
    method: "GET",
    path: "/v1/incidents",
    family: "incidents",
    auth: "viewer",
    query: ListIncidentsQuery,
    answers: { 200: IncidentPage },
  },
  resolveIncident: {
    ...none,
    method: "POST",
    path: "/v1/incidents/{id}/resolve",
    family: "incidents",
    auth: "operator",
    params: IncidentPath,
    answers: { 200: Incident },
  },
  getHistory: {
    ...none,
    method: "GET",
    path: "/v1/vms/{vmId}/history",
    family: "events",
    auth: "viewer",
    params: VmPath,
    query: PageQuery,
    answers: { 200: EventPage },
  },
  listEvents: {
    ...none,
    method: "GET",
    path: "/v1/events",
    family: "events",
    auth: "viewer",
    query: FeedQuery,
    answers: { 200: FeedPage },
  },
  publishEvent: {
    ...none,
    method: "POST",
    path: "/v1/events",
    family: "events",
    auth: "operator",
    body: PublishRequest,
    answers: { 202: Published },
  },
  createToken: {
    ...none,
    method: "POST",
    path: "/v1/tokens",
    family: "tokens",
    auth: "admin",
    body: CreateTokenRequest,
    answers: { 201: TokenMade },
  },
  listTokens: {
    ...none,
    method: "GET",
    path: "/v1/tokens",
    family: "tokens",
    auth: "admin",
    query: PageQuery,
    answers: { 200: TokenPage },
  },
  deleteToken: {
    ...none,
    method: "DELETE",
    path: "/v1/tokens/{tokenId}",
    family: "tokens",
    auth: "admin",
    params: TokenPath,
    answers: { 204: null },
  },
  health: {
    ...none,
    method: "GET",
    path: "/v1/health",
    family: "system",
    auth: "none",
    answers: { 200: Health },
  },
  openApi: {
    ...none,
    method: "GET",
    path: "/v1/openapi.json",
    family: "system",
    auth: "none",
    answers: { 200: OpenApi },
  },
  joinHost: {
    ...none,
    method: "POST",
    path: "/v1/agents/{hostId}/join",
    family: "agents",
    auth: "join-token",
    params: HostPath,
    body: JoinRequest,
    answers: { 200: JoinAnswer },
  },
  openSession: {
    ...none,
    method: "POST",
    path: "/v1/agents/{hostId}/session",
    family: "agents",
    auth: "agent",
    params: HostPath,
    body: SessionRequest,
    answers: { 200: SessionAnswer },
  },
  report: {
    ...none,
    method: "POST",
    path: "/v1/agents/{hostId}/reports",
    family: "agents",
    auth: "agent",
    params: HostPath,
    body: Report,
    answers: { 202: ReportAnswer },
  },
  results: {
    ...none,
    method: "POST",
    path: "/v1/agents/{hostId}/results",
    family: "agents",
    auth: "agent",
    params: HostPath,
    body: Results,
    answers: { 202: ResultsAnswer },
  },
} as const satisfies Readonly<Record<string, Route>>;

export type Operation = keyof typeof ROUTES;
/** The operations of one family. */
export type OperationOf<F extends RouteFamily> = {
  [O in Operation]: (typeof ROUTES)[O]["family"] extends F ? O : never;
}[Operation];
/** The largest body taken (contract, 413). */
export const BODY_BYTES_MAX = 256 * 1024;
