/** The agents' side of the API: joins, sessions, reports, results. */
import middy from "@middy/core";
import { ingestReport } from "../shared/app/ingest-report.ts";
import { ingestResults } from "../shared/app/ingest-results.ts";
import { joinHost } from "../shared/app/join-host.ts";
import { openSession } from "../shared/app/open-session.ts";
import type { Ports } from "../shared/app/ports.ts";
import { connect } from "../shared/aws/connect.ts";
import { lambdaContext } from "../shared/aws/telemetry.ts";
import { type AgentCaller, agentGate } from "../shared/http/agent-gate.ts";
import { openGate } from "../shared/http/gate.ts";
import { replyWith } from "../shared/http/reply.ts";
import { apiHandler, endpointBehind } from "../shared/http/router.ts";
import { parseEnvironment } from "../shared/model/environment.ts";
import type { Answer } from "../shared/model/problem.ts";
import { ROUTES } from "../shared/model/routes.ts";
import type { Settings } from "../shared/model/settings.ts";

/** The family `agents` over any ports. Keys are remembered as long as what this answers lives. */
export function agentsApi(deps: Ports & { readonly settings: Settings }) {
  const agents = agentGate({
    readKey: async (hostId) => (await deps.hosts.read(hostId))?.heartbeat?.publicKey,
    now: deps.clock.now,
    log: deps.telemetry.log,
  });
  const open = endpointBehind(openGate);
  const signed = endpointBehind(agents.gate);
  return apiHandler(
    "agents",
    {
      joinHost: open(ROUTES.joinHost, async ({ params, body }) =>
        replyWith(200, await joinHost(deps, { ...params, ...body })),
      ),
      openSession: signed(ROUTES.openSession, async ({ caller, body }) =>
        replyWith(200, heeding(caller, await openSession(deps, { caller, ...body }))),
      ),
      report: signed(ROUTES.report, async ({ caller, body }) =>
        replyWith(202, heeding(caller, await ingestReport(deps, { caller, report: body }))),
      ),
      results: signed(ROUTES.results, async ({ caller, body }) =>
        replyWith(202, heeding(caller, await ingestResults(deps, { caller, ...body }))),
      ),
    },
    { now: deps.clock.now, ...deps.telemetry },
  );

  /** A key that is the host's no more is not remembered: the next request is held against the recorded one. */
  function heeding<T>({ hostId }: AgentCaller, answer: Answer<T>): Answer<T> {
    if (!answer.ok && answer.code === "unauthenticated") agents.forget(hostId);
    return answer;
  }
}

const environment = parseEnvironment(process.env);
export const handler = middy(
  agentsApi({ ...connect(environment), settings: environment.settings }),
).use(lambdaContext);
