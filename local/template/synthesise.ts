/** Synthesises the CDK app in this process: the very stack that `cdk deploy` would send, with its bundles. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { bundledCode } from "../../cdk/bundle.ts";
import { VmsyncStack } from "../../cdk/stack.ts";
import type { Settings } from "../../shared/model/settings.ts";
import type { Synthesised } from "./read-template.ts";

export interface SynthesisProps {
  readonly stage: string;
  readonly settings: Settings;
  /** Where the cloud assembly goes; the functions run from there. */
  readonly outFolder: string;
  /** Absent: this project's own. */
  readonly functionsFolder?: string;
}

/** Throws if an entry point is missing or does not bundle. */
export function synthesise(props: SynthesisProps): Synthesised {
  const { stage, settings, outFolder } = props;
  const app = new App({
    outdir: outFolder,
    analyticsReporting: false,
    // Takes longer than everything else here; `cdk synth` does it.
    builtinCloudFormationValidation: false,
  });
  new VmsyncStack(app, stage, {
    stage,
    settings,
    code: bundledCode({
      entryFolder: props.functionsFolder ?? join(import.meta.dirname, "../../functions"),
      outFolder: join(outFolder, "bundles"),
    }),
  });
  return readSynthesised(app.synth().directory, stage);
}

/** A stack of a cloud assembly on disk. */
export function readSynthesised(folder: string, stackName: string): Synthesised {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));
  return {
    template: read(`${stackName}.template.json`),
    assetManifest: read(`${stackName}.assets.json`),
    folder,
  };
}
