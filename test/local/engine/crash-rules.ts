import type { RuleSpec } from "../../../shared/memory/bus-rules.ts";

export const CRASH_RULES: readonly RuleSpec[] = [
  {
    name: "all",
    busName: "default",
    arn: "arn:aws:events:us-east-1:111111111111:rule/all",
    enabled: true,
    pattern: { source: ["child"] },
    targets: [{ id: "f", arn: "arn:aws:lambda:us-east-1:111111111111:function:f" }],
  },
];
