/**
 * The control plane over HTTP, with signed requests (RFC 9421; `shared/http/message-signature.ts`).
 *
 *  1. What is signed is what is sent: the digest is of the bytes after gzip.
 *  2. The server's `now`, which every answer carries, corrects `created` and nothing else. A request that was refused for
 *     its signature is sent once more if that answer showed that this machine's clock was wrong.
 *  3. Only the control plane refuses: a status without a problem document is some gateway's in between, and passes.
 */
import type { KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { signRequest } from "../shared/http/message-signature.ts";
import {
  JoinAnswer,
  ReportAnswer,
  ResultsAnswer,
  SessionAnswer,
} from "../shared/model/agent-protocol.ts";
import type { HostId } from "../shared/model/ids.ts";
import { ProblemDocument } from "../shared/model/problem.ts";
import { ROUTES } from "../shared/model/routes.ts";
import type { ControlPlane, Said } from "./control-plane.ts";
import { errorText } from "./note.ts";
import { parsedJson } from "./parse-json.ts";
import type { AgentTime } from "./time.ts";

/** API Gateway gives up after 30 s; an agent that waits longer waits for nobody. */
const REQUEST_MS_MAX = 35_000;
/** Bodies above this are compressed: below, gzip gains nothing worth its time. */
const GZIP_BYTES_MIN = 4096;
/** A clock is called wrong from here on; below it is the time of the request itself. */
const SKEW_MS_MIN = 5_000;
/** An answer is a few hundred bytes; more is not one of ours. */
const ANSWER_CHARS_MAX = 1024 * 1024;

/** However long the other side asks to wait: a lease lasts minutes, and a host that is silent for longer is Down. */
const RETRY_AFTER_MS_MAX = 60_000;

const compress = promisify(gzip);

export type HttpControlPlaneDeps = {
  readonly baseUrl: string;
  readonly hostId: HostId;
  readonly privateKey: KeyObject;
  readonly time: AgentTime;
  readonly signal: AbortSignal;
};

export function httpControlPlane(deps: HttpControlPlaneDeps): ControlPlane {
  const call = caller(deps);
  const drop = <T>(said: Said<T>): Said<undefined> =>
    said.status === "answered" ? { status: "answered", answer: undefined } : said;
  return {
    join: async (body) => drop(await call({ ...ROUTES.joinHost, body, answer: JoinAnswer })),
    openSession: (body) => call({ ...ROUTES.openSession, body, answer: SessionAnswer }),
    report: (body) => call({ ...ROUTES.report, body, answer: ReportAnswer }),
    results: async (body) => drop(await call({ ...ROUTES.results, body, answer: ResultsAnswer })),
  };
}

type Call<T> = {
  readonly path: string;
  readonly auth: "join-token" | "agent";
  readonly body: unknown;
  readonly answer: Schema<T>;
};
type Schema<T> = {
  readonly safeParse: (
    value: unknown,
  ) => { readonly success: true; readonly data: T } | { readonly success: false };
};

function caller(deps: HttpControlPlaneDeps): <T>(call: Call<T>) => Promise<Said<T>> {
  let offsetMs = 0;

  /** Answers whether the clock was found wrong. */
  const correctClock = (body: unknown): boolean => {
    const dated = ResultsAnswer.safeParse(body);
    if (!dated.success) return false;
    const foundMs = Date.parse(dated.data.now) - deps.time.wallNow();
    const moved = Math.abs(foundMs - offsetMs) > SKEW_MS_MIN;
    if (moved) offsetMs = foundMs;
    return moved;
  };

  const send = async (call: Call<unknown>): Promise<Answered | Said<never>> => {
    const text = Buffer.from(JSON.stringify(call.body), "utf8");
    const zipped = text.byteLength >= GZIP_BYTES_MIN;
    const body = zipped ? await compress(text) : text; // 1
    const url = new URL(call.path.replace("{hostId}", deps.hostId), deps.baseUrl);
    const headers = {
      "content-type": "application/json",
      ...(zipped ? { "content-encoding": "gzip" } : {}),
      ...(call.auth === "agent" ? signed(deps, url, body, offsetMs) : {}),
    };
    return await post(url, { headers, body, signal: deps.signal });
  };

  return async (call) => {
    let answered = await send(call);
    if ("status" in answered) return answered;
    const wasWrong = correctClock(answered.body);
    if (answered.httpStatus === 401 && call.auth === "agent" && wasWrong) {
      answered = await send(call); // 2
      if ("status" in answered) return answered;
    }
    return understood(answered, call.answer);
  };
}

function signed(
  deps: HttpControlPlaneDeps,
  url: URL,
  body: Uint8Array,
  offsetMs: number,
): Record<string, string> {
  return signRequest({
    method: "POST",
    url: url.href,
    body,
    keyId: deps.hostId,
    privateKey: deps.privateKey,
    createdSeconds: Math.floor((deps.time.wallNow() + offsetMs) / 1000),
  });
}

type Answered = {
  readonly httpStatus: number;
  readonly retryAfterMs: number;
  readonly body: unknown;
};

async function post(
  url: URL,
  request: {
    readonly headers: Record<string, string>;
    readonly body: Uint8Array<ArrayBuffer>;
    readonly signal: AbortSignal;
  },
): Promise<Answered | Said<never>> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: request.headers,
      body: request.body,
      redirect: "error",
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(REQUEST_MS_MAX)]),
    });
    const text = await response.text();
    return {
      httpStatus: response.status,
      retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
      body: text.length > ANSWER_CHARS_MAX ? undefined : parsedJson(text),
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return { status: "unavailable", detail: errorText(cause), retryAfterMs: 0 };
  }
}

function understood<T>(answered: Answered, schema: Schema<T>): Said<T> {
  const { httpStatus, retryAfterMs, body } = answered;
  if (httpStatus < 300) {
    const answer = schema.safeParse(body);
    if (answer.success) return { status: "answered", answer: answer.data };
    return { status: "unavailable", detail: "an answer of another form", retryAfterMs };
  }
  const problem = ProblemDocument.safeParse(body);
  if (!problem.success)
    return { status: "unavailable", detail: `HTTP ${httpStatus}, not by vmsync`, retryAfterMs }; // 3
  const { code, detail } = problem.data;
  if (code === "stale_boot") return { status: "stale_boot" };
  if (httpStatus === 429 || httpStatus >= 500)
    return { status: "unavailable", detail: `${code}: ${detail}`, retryAfterMs };
  return { status: "refused", code, detail };
}

/** Seconds; a date, which the control plane never gives, counts as nothing said. */
function retryAfterMs(header: string | null): number {
  const ms = Number(header ?? 0) * 1000;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX) : 0;
}
