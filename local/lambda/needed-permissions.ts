/**
 * Which permissions a call to AWS needs, read from the call itself: IAM's actions on resources. Batches and transactions need
 * those of their parts.
 */
import * as z from "zod/mini";

/** Resource as an ARN ends after account and region: `table/<name>`, a queue's name, `event-bus/<name>`; a role's whole ARN. */
export type Need = { readonly action: string; readonly resource: string };

const Body = z.object({
  TableName: z.optional(z.string()),
  IndexName: z.optional(z.string()),
  RequestItems: z.optional(z.record(z.string(), z.unknown())),
  TransactItems: z.optional(z.array(z.record(z.string(), z.object({ TableName: z.string() })))),
  QueueUrl: z.optional(z.string()),
  QueueName: z.optional(z.string()),
  Entries: z.optional(z.array(z.object({ EventBusName: z.optional(z.string()) }))),
});
type Body = z.infer<typeof Body>;

const PARTS_OF_TRANSACTIONS: Readonly<Record<string, string>> = {
  Get: "GetItem",
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};

/** `call` is `service:Action`; `body` what was sent. A body that is not understood needs the action on everything. */
export function neededPermissions(call: string, body: string): readonly Need[] {
  const [service = "", action = ""] = call.split(":");
  switch (service) {
    case "dynamodb":
      return tableNeeds(action, parse(body));
    case "sqs":
      return [{ action: `sqs:${action.replace(/Batch$/, "")}`, resource: queueOf(parse(body)) }];
    case "events":
      return (parse(body).Entries ?? []).map(({ EventBusName = "default" }) => ({
        action: call,
        resource: `event-bus/${EventBusName}`,
      }));
    case "sts":
      return [{ action: call, resource: new URLSearchParams(body).get("RoleArn") ?? "*" }];
    default:
      return [{ action: call, resource: "*" }];
  }
}

function tableNeeds(action: string, body: Body): readonly Need[] {
  const on = (name: string, table: string) => ({
    action: `dynamodb:${name}`,
    resource: `table/${table}`,
  });
  if (body.RequestItems) return Object.keys(body.RequestItems).map((table) => on(action, table));
  if (body.TransactItems)
    return body.TransactItems.flatMap((item) =>
      Object.entries(item).map(([part, { TableName }]) =>
        on(PARTS_OF_TRANSACTIONS[part] ?? part, TableName),
      ),
    );
  const table = body.TableName ?? "*";
  return [on(action, body.IndexName === undefined ? table : `${table}/index/${body.IndexName}`)];
}

function queueOf({ QueueUrl, QueueName }: Body): string {
  return QueueName ?? QueueUrl?.slice(QueueUrl.lastIndexOf("/") + 1) ?? "*";
}

function parse(body: string): Body {
  const parsed = Body.safeParse(JSON.parse(body === "" ? "{}" : body));
  return parsed.success ? parsed.data : {};
}
