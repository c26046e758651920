/** The bus's rules as the template has them (`cdk/reports.ts`, `cdk/sweeper.ts`). */
import type { RuleSpec } from "../shared/memory/bus-rules.ts";
import { MEMORY_BUS_NAME } from "../shared/memory/memory-bus.ts";
import { TOPIC_SOURCE, type TopicFamily } from "../shared/model/topic.ts";
import type { FunctionName } from "./functions.ts";

const ARN = "arn:aws:lambda:memory:000000000000:function:";

export const RULES: readonly RuleSpec[] = [
  rule("agent-report", "reconcile-host", {
    pattern: { source: [TOPIC_SOURCE], "detail-type": ["agent.report" satisfies TopicFamily] },
  }),
  { ...rule("sweeper", "sweeper", { scheduleExpression: "rate(1 minute)" }), busName: "default" },
];

/** The function that a delivery is for. */
export function functionOf(arn: string): string {
  return arn.slice(ARN.length);
}

function rule(
  name: string,
  target: FunctionName,
  trigger: Pick<RuleSpec, "pattern" | "scheduleExpression">,
): RuleSpec {
  return {
    name,
    busName: MEMORY_BUS_NAME,
    arn: `arn:aws:events:memory:000000000000:rule/${name}`,
    enabled: true,
    targets: [{ id: "target", arn: `${ARN}${target}` }],
    ...trigger,
  };
}
