/**
 * The CDK app: `npx cdk synth`, `npx cdk deploy`. Needs no network, no account and no Docker to synthesise.
 *
 * Context: `-c stage=NAME`, `-c settings.NAME=VALUE` (or `-c settings='{…}'`), `-c alarmTopicArn=ARN`.
 */
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { bundledCode } from "./bundle.ts";
import { readContext } from "./context.ts";
import { VmsyncStack } from "./stack.ts";

/** What CloudFormation would refuse is refused here. */
const STRICT = { "@aws-cdk/core:validateAgainstDefaultRules": true };

const app = new App({ context: STRICT });
const context = readContext(app.node.getAllContext());
if (context.ok) {
  new VmsyncStack(app, context.stage, {
    ...context,
    code: bundledCode({
      entryFolder: join(import.meta.dirname, "../functions"),
      outFolder: join(app.outdir, "bundles"),
    }),
  });
  app.synth();
} else {
  process.stderr.write(`vmsync: ${context.reason}\n`);
  process.exitCode = 1;
}
