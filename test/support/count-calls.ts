import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

/** The names of the commands that a client sends from now on, in order; a retry is not counted again. */
export function countCalls(client: DynamoDBClient): readonly string[] {
  const calls: string[] = [];
  client.middlewareStack.add(
    (next, context) => (args) => {
      calls.push(context.commandName ?? "unknown");
      return next(args);
    },
    { step: "initialize", name: "countCalls", override: true },
  );
  return calls;
}
