/** The bus's rules as the template has them (`cdk/reports.ts`, `cdk/events.ts`, `cdk/sweeper.ts`). */
import type { RuleSpec } from "../shared/memory/bus-rules.ts";
import { MEMORY_BUS_NAME } from "../shared/memory/memory-bus.ts";
import { TOPIC_SOURCE, type TopicFamily } from "../shared/model/topic.ts";
import { EVENT_QUEUE, type FunctionName } from "./functions.ts";

const FUNCTION = "arn:aws:lambda:memory:000000000000:function:";
const QUEUE = "arn:aws:sqs:memory:000000000000:";

export const RULES: readonly RuleSpec[] = [
  rule("agent-report", `${FUNCTION}${"reconcile-host" satisfies FunctionName}`, {
    pattern: { source: [TOPIC_SOURCE], "detail-type": ["agent.report" satisfies TopicFamily] },
  }),
  rule("events", `${QUEUE}${EVENT_QUEUE}`, {
    pattern: {
      source: [TOPIC_SOURCE],
      "detail-type": [{ "anything-but": ["agent.report" satisfies TopicFamily] }],
    },
  }),
  {
    ...rule("sweeper", `${FUNCTION}${"sweeper" satisfies FunctionName}`, {
      scheduleExpression: "rate(1 minute)",
    }),
    busName: "default",
  },
];

/** The function or queue that a delivery is for. */
export function targetOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}

function rule(
  name: string,
  arn: string,
  trigger: Pick<RuleSpec, "pattern" | "scheduleExpression">,
): RuleSpec {
  return {
    name,
    busName: MEMORY_BUS_NAME,
    arn: `arn:aws:events:memory:000000000000:rule/${name}`,
    enabled: true,
    targets: [{ id: "target", arn }],
    ...trigger,
  };
}
