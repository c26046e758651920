/** The stack's template without bundling: what the tests of `cdk/` look at. */
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { Code } from "aws-cdk-lib/aws-lambda";
import { readContext } from "../../cdk/context.ts";
import { VmsyncStack } from "../../cdk/stack.ts";

/** Synthesises the stack under a CDK context. */
export function stackTemplate(given: Readonly<Record<string, unknown>> = {}): Template {
  const context = readContext(given);
  if (!context.ok) throw new Error(context.reason);
  const stack = new VmsyncStack(
    new App({ builtinCloudFormationValidation: false }),
    context.stage,
    {
      ...context,
      code: () => Code.fromInline("export const handler = () => undefined;"),
    },
  );
  return Template.fromStack(stack);
}
