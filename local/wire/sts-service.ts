/**
 * STS on the wire, in the query protocol: `AssumeRole` and `GetCallerIdentity`.
 *
 * Any role may be assumed by the root key pair; what limits the session is its inline policy. A session may not assume
 * a role, and lives an hour at most (as one assumed from a role does on AWS).
 */
import { randomUUID } from "node:crypto";
import type { Caller, Credentials } from "./credentials.ts";
import { parseSessionPolicy } from "./session-policy.ts";

export type StsAnswer = { readonly status: number; readonly xml: string };

export interface StsService {
  readonly credentials: Credentials;
  readonly accountId: string;
}

export type StsCall = {
  readonly form: URLSearchParams;
  readonly caller: Caller;
  readonly now: number;
};

const SESSION_SECONDS = { least: 900, most: 3_600, usual: 3_600 } as const;
/** AWS's bound on an inline policy, in characters. */
const POLICY_CHARACTERS_MAX = 2_048;

export function callSts(service: StsService, call: StsCall): StsAnswer {
  const action = call.form.get("Action") ?? "";
  switch (action) {
    case "AssumeRole":
      return assumeRole(service, call);
    case "GetCallerIdentity":
      return callerIdentity(service, call);
    default:
      return stsError(
        400,
        "InvalidAction",
        `Could not find operation ${action} for version 2011-06-15`,
      );
  }
}

export function stsError(status: number, code: string, message: string): StsAnswer {
  const error = element("Type", "Sender") + element("Code", code) + element("Message", message);
  const requestId = element("RequestId", randomUUID());
  return {
    status,
    xml: `<ErrorResponse xmlns="${NAMESPACE}"><Error>${error}</Error>${requestId}</ErrorResponse>`,
  };
}

function assumeRole({ credentials }: StsService, { form, caller, now }: StsCall): StsAnswer {
  const roleArn = form.get("RoleArn") ?? "";
  const sessionName = form.get("RoleSessionName") ?? "";
  if (caller.kind === "session") {
    const message = `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`;
    return stsError(403, "AccessDenied", message);
  }
  const role = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]+)$/.exec(roleArn);
  if (role === null) return invalid(`${roleArn} is invalid`);
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) return invalid("roleSessionName is not valid");
  const seconds = Number(form.get("DurationSeconds") ?? SESSION_SECONDS.usual);
  if (!(seconds >= SESSION_SECONDS.least && seconds <= SESSION_SECONDS.most)) {
    return invalid(
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
  }
  const policyText = form.get("Policy");
  const policy = policyText === null ? undefined : parseSessionPolicy(policyText);
  if (policyText !== null && (policy === undefined || policyText.length > POLICY_CHARACTERS_MAX)) {
    return stsError(
      400,
      "MalformedPolicyDocument",
      "The policy is not in a form that is understood here.",
    );
  }
  const arn = `arn:aws:sts::${role[1]}:assumed-role/${role[2]}/${sessionName}`;
  const expiresAt = now + seconds * 1_000;
  const granted = credentials.grant({ arn, policy, expiresAt });
  const body =
    element("AccessKeyId", granted.accessKeyId) +
    element("SecretAccessKey", granted.secretAccessKey) +
    element("SessionToken", granted.sessionToken) +
    element("Expiration", new Date(expiresAt).toISOString());
  const user = element("AssumedRoleId", `AROA:${sessionName}`) + element("Arn", arn);
  return result(
    "AssumeRole",
    `<Credentials>${body}</Credentials><AssumedRoleUser>${user}</AssumedRoleUser>`,
  );
}

function callerIdentity({ accountId }: StsService, { caller }: StsCall): StsAnswer {
  const arn = caller.kind === "root" ? `arn:aws:iam::${accountId}:root` : caller.arn;
  const body =
    element("Arn", arn) + element("UserId", caller.accessKeyId) + element("Account", accountId);
  return result("GetCallerIdentity", body);
}

function invalid(message: string): StsAnswer {
  return stsError(400, "ValidationError", message);
}

const NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/";

function result(action: string, body: string): StsAnswer {
  const metadata = `<ResponseMetadata>${element("RequestId", randomUUID())}</ResponseMetadata>`;
  const content = `<${action}Result>${body}</${action}Result>${metadata}`;
  return {
    status: 200,
    xml: `<${action}Response xmlns="${NAMESPACE}">${content}</${action}Response>`,
  };
}

function element(name: string, text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<${name}>${escaped}</${name}>`;
}
