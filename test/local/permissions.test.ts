import { describe, expect, it } from "vitest";
import { isAllowed } from "../../local/permissions.ts";

const site = { region: "us-east-1", accountId: "111111111111" };
const permissions = [
  {
    Effect: "Allow" as const,
    Action: ["dynamodb:Query"],
    Resource: ["arn:aws:dynamodb:us-east-1:111111111111:table/jobs/index/*"],
  },
  {
    Effect: "Allow" as const,
    Action: "sqs:SendMessage",
    Resource: "arn:aws:sqs:us-east-1:111111111111:vmsync_*",
  },
];

describe("what the template allows a function", () => {
  it.each([
    ["dynamodb:Query", "table/jobs/index/byVm", true],
    ["dynamodb:Query", "table/jobs", false],
    ["dynamodb:GetItem", "table/jobs/index/byVm", false],
    ["sqs:SendMessage", "vmsync_host-a-1.fifo", true],
    ["sqs:SendMessage", "vmsync-apartments.fifo", false],
    ["sts:AssumeRole", "arn:aws:iam::111111111111:role/r", false],
  ])("%s on %s: %s", (action, resource, allowed) => {
    expect(isAllowed(site, { permissions }, { action, resource })).toBe(allowed);
  });
});
