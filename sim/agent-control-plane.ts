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
import { type Invoked, invoke } from "./invoke.ts";
import { answerTo, type Life } from "./life.ts";
import type { Machine } from "./machine.ts";
import type { Deps, World } from "./world.ts";

/** One way, over some network. */
const WAY_MS = { least: 1, most: 40 };
/** After so long without an answer an agent gives a request up (`agent/http-control-plane.ts`). */
const REQUEST_MS_MAX = 35_000;
/** From a moment to long after the agent gave up, and said other things since. */
const LATE_MS = { least: 1_000, most: 180_000 };
const DOUBLED_MS_MAX = 120_000;

export function agentControlPlane(world: World, machine: Machine, life: Life): ControlPlane {
  const { hostId, publicKey } = machine;
  const caller = { hostId, publicKey };
  const ask = <T>(subject: Subject, run: (deps: Deps) => Promise<Answer<T>>): Promise<Said<T>> =>
    answerTo(life, request(world, machine, { subject, run }));
  return {
    join: () => Promise.reject(new Error("simulated hosts have joined")),
    openSession: (body) => {
      const given = SessionRequest.parse(body);
      return ask("report", (deps) => openSession(deps, { caller, ...given }));
    },
    report: (body) => {
      const report = Report.parse(body);
      return ask("report", (deps) => ingestReport(deps, { caller, report }));
    },
    results: (body) => {
      const given = Results.parse(body);
      return ask("result", async (deps) => {
        const answer = await ingestResults(deps, { caller, ...given });
        return answer.ok ? { ok: true, value: undefined } : answer;
      });
    },
  };
}

type Subject = "report" | "result";

/** There and back, each way with its faults. What the agent gave up may arrive all the same. */
async function request<T>(
  world: World,
  machine: Machine,
  { subject, run }: { readonly subject: Subject; readonly run: (deps: Deps) => Promise<Answer<T>> },
): Promise<Said<T>> {
  const { time, latency, faults, history } = world;
  const tell = (what: string) => history.tell(() => `${machine.hostId}: a ${subject} ${what}`);
  const arrives = async (delayMs: number) => {
    await time.sleep(delayMs);
    return invoke(world, "ingest", run);
  };
  const givesUp = async (what: string) => {
    await time.sleep(latency.int(WAY_MS.least, REQUEST_MS_MAX));
    return unavailable(what);
  };
  if (machine.isCutOff) return givesUp("cut off");
  const wayMs = latency.int(WAY_MS.least, WAY_MS.most);
  if (faults.strikes(`${subject}-lost`)) {
    const arrived = faults.draw(`${subject}-lost`).chance(0.5);
    tell(arrived ? "arrives and its answer is lost" : "is lost");
    if (arrived) await arrives(wayMs);
    return givesUp("lost");
  }
  if (faults.strikes(`${subject}-doubled`)) {
    const afterMs = faults.draw(`${subject}-doubled`).int(0, DOUBLED_MS_MAX);
    tell(`arrives again after ${afterMs} ms`);
    void arrives(wayMs + afterMs);
  }
  if (faults.strikes(`${subject}-late`)) {
    const lateMs = faults.draw(`${subject}-late`).int(LATE_MS.least, LATE_MS.most);
    tell(`arrives ${lateMs} ms late`);
    const late = arrives(lateMs);
    if (lateMs >= REQUEST_MS_MAX) return givesUp("late");
    return understood(await late);
  }
  const ended = await arrives(wayMs);
  await time.sleep(latency.int(WAY_MS.least, WAY_MS.most));
  return machine.isCutOff ? givesUp("cut off") : understood(ended);
}

function understood<T>(ended: Invoked<Answer<T>>): Said<T> {
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
