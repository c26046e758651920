/**
 * Which permissions a call to AWS needs, read from the call itself: IAM's actions on resources. Batches and transactions need
 * those of their parts.
 *
 * Names are found in the JSON text where that is certain, since this is done at every call: a quote within a value is escaped, so
 * `"TableName":"` is the member and nothing that a user wrote.
 */
import * as z from "zod/mini";

/** Resource as an ARN ends after account and region: `table/<name>`, a queue's name, `event-bus/<name>`; a role's whole ARN. */
export type Need = { readonly action: string; readonly resource: string };

const BatchOfTables = z.object({ RequestItems: z.record(z.string(), z.unknown()) });
const Transaction = z.object({
  TransactItems: z.array(z.record(z.string(), z.object({ TableName: z.string() }))),
});
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
      return tableNeeds(action, body);
    case "sqs": {
      const url = member("QueueUrl", body);
      const resource = member("QueueName", body) ?? url?.slice(url.lastIndexOf("/") + 1) ?? "*";
      return [{ action: `sqs:${action.replace(/Batch$/, "")}`, resource }];
    }
    case "events":
      return [...body.matchAll(/"EventBusName":"([^"\\]+)"/g)].map(([, name]) => ({
        action: call,
        resource: `event-bus/${name}`,
      }));
    case "sts":
      return [{ action: call, resource: new URLSearchParams(body).get("RoleArn") ?? "*" }];
    default:
      return [{ action: call, resource: "*" }];
  }
}

function tableNeeds(action: string, body: string): readonly Need[] {
  const on = (name: string, table: string) => ({
    action: `dynamodb:${name}`,
    resource: `table/${table}`,
  });
  if (action.startsWith("Batch")) {
    const { RequestItems } = BatchOfTables.parse(JSON.parse(body));
    return Object.keys(RequestItems).map((table) => on(action, table));
  }
  if (action.startsWith("Transact")) {
    const { TransactItems } = Transaction.parse(JSON.parse(body));
    return TransactItems.flatMap((item) =>
      Object.entries(item).map(([part, { TableName }]) =>
        on(PARTS_OF_TRANSACTIONS[part] ?? part, TableName),
      ),
    );
  }
  const table = member("TableName", body) ?? "*";
  const index = member("IndexName", body);
  return [on(action, index === undefined ? table : `${table}/index/${index}`)];
}

function member(name: "TableName" | "IndexName" | "QueueUrl" | "QueueName", body: string) {
  const start = body.indexOf(`"${name}":"`);
  if (start < 0) return undefined;
  const from = start + name.length + 4;
  return body.slice(from, body.indexOf('"', from));
}
