/**
 * What the agent says to the control plane, as a port; `http-control-plane.ts` says it over HTTP.
 *
 * A refusal is a value: what the control plane answered and meant. `unavailable` is everything after which the same may
 * be said again: no connection, a time-out, 429, 5xx.
 */
import type {
  JoinRequest,
  Report,
  ReportAnswer,
  Results,
  SessionAnswer,
  SessionRequest,
} from "../shared/model/agent-protocol.ts";

export type Said<T> =
  | { readonly status: "answered"; readonly answer: T }
  /** Another boot has the session, or none has: open one. */
  | { readonly status: "stale_boot" }
  | { readonly status: "unavailable"; readonly detail: string; readonly retryAfterMs: number }
  | { readonly status: "refused"; readonly code: string; readonly detail: string };

export interface ControlPlane {
  readonly join: (request: JoinRequest) => Promise<Said<undefined>>;
  readonly openSession: (request: SessionRequest) => Promise<Said<SessionAnswer>>;
  readonly report: (report: Report) => Promise<Said<ReportAnswer>>;
  readonly results: (results: Results) => Promise<Said<undefined>>;
}
