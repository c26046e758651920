import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundledCode } from "../../cdk/bundle.ts";
import { FUNCTION_NAMES } from "../../cdk/function-names.ts";

const folder = mkdtempSync(join(tmpdir(), "vmsync-bundle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("bundling", () => {
  it("names every entry that is missing", () => {
    expect(() => bundledCode({ entryFolder: folder, outFolder: join(folder, "out") })).toThrow(
      /functions\/ lacks api-vms\.ts, .*sweeper\.ts/,
    );
  });

  it("makes one ES module a function, without the SDK and without this machine's paths", () => {
    for (const name of FUNCTION_NAMES)
      writeFileSync(
        join(folder, `${name}.ts`),
        `import { SQSClient } from "@aws-sdk/client-sqs";
         export const handler = async (): Promise<string> => \`${name} \${typeof SQSClient}\`;`,
      );
    const outFolder = join(folder, "out");
    bundledCode({ entryFolder: folder, outFolder });
    for (const name of FUNCTION_NAMES) {
      const code = readFileSync(join(outFolder, name, "index.mjs"), "utf8");
      expect(code).toContain('from"@aws-sdk/client-sqs"');
      expect(code.length).toBeLessThan(1000);
      expect(existsSync(join(outFolder, name, "index.mjs.map"))).toBe(true);
      expect(readFileSync(join(outFolder, name, "index.mjs.map"), "utf8")).not.toContain(folder);
    }
  });
});
