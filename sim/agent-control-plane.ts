/**
 * What an agent says to the control plane: straight to the use cases, each request a worker of its own. Signatures are not
 * this simulation's subject; that an agent says what the schemas allow is.
 */
import type { ControlPlane, Said } from "../agent/control-plane.ts";
import { ingestReport } from "../shared/app/ingest-report.ts";
import { ingestResults } from "../shared/app/ingest-results.ts";
import { openSession } from "../shared/app/open-session.ts";
import { Report, Results, SessionRequest } from "../shared/model/agent-protocol.ts";
import type { Answer } from "../shared/model/problem.ts";
import { invoke } from "./invoke.ts";
import { answerTo, type Life } from "./life.ts";
import type { Machine } from "./machine.ts";
import type { Deps, World } from "./world.ts";

/** One way, over some network. */
const WAY_MS = { least: 1, most: 40 };
/** After so long without an answer an agent gives a request up (`agent/http-control-plane.ts`). */
const REQUEST_MS_MAX = 35_000;

export function agentControlPlane(world: World, machine: Machine, life: Life): ControlPlane {
  const { hostId, publicKey } = machine;
  const caller = { hostId, publicKey };
  const ask = <T>(run: (deps: Deps) => Promise<Answer<T>>): Promise<Said<T>> =>
    answerTo(life, request(world, machine, run));
  return {
    join: () => Promise.reject(new Error("simulated hosts have joined")),
    openSession: (body) => {
      const given = SessionRequest.parse(body);
      return ask((deps) => openSession(deps, { caller, ...given }));
    },
    report: (body) => {
      const report = Report.parse(body);
      return ask((deps) => ingestReport(deps, { caller, report }));
    },
    results: (body) => {
      const given = Results.parse(body);
      return ask(async (deps) => {
        const answer = await ingestResults(deps, { caller, ...given });
        return answer.ok ? { ok: true, value: undefined } : answer;
      });
    },
  };
}

async function request<T>(
  world: World,
  machine: Machine,
  run: (deps: Deps) => Promise<Answer<T>>,
): Promise<Said<T>> {
  const { time, latency } = world;
  if (machine.isCutOff) {
    await time.sleep(latency.int(WAY_MS.least, REQUEST_MS_MAX));
    return unavailable("cut off");
  }
  await time.sleep(latency.int(WAY_MS.least, WAY_MS.most));
  const ended = await invoke(world, "ingest", run);
  await time.sleep(latency.int(WAY_MS.least, WAY_MS.most));
  return ended.ok ? said(ended.value) : unavailable(ended.reason);
}

/** As `agent/http-control-plane.ts` understands an answer. */
function said<T>(answer: Answer<T>): Said<T> {
  if (answer.ok) return { status: "answered", answer: answer.value };
  if (answer.code === "stale_boot") return { status: "stale_boot" };
  return { status: "refused", code: answer.code, detail: answer.detail };
}

function unavailable(detail: string): Said<never> {
  return { status: "unavailable", detail, retryAfterMs: 0 };
}
