import { expect, test } from "vitest";
import { commandQueueName } from "../../../shared/aws/command-queue-name.ts";

test("a name says prefix, host and generation", () => {
  const name = commandQueueName({ prefix: "dev_", hostId: "rack-1", generation: 2 });
  expect(name).toBe("dev_rack-1-2.fifo");
});

test("names stay within SQS's 80 characters, tell hosts apart, and are always the same", () => {
  const nameOf = (last: string) =>
    commandQueueName({
      prefix: "a-long-stage-name_",
      hostId: "h".repeat(62) + last,
      generation: 1_234,
    });
  expect(nameOf("a")).toHaveLength(80);
  expect(nameOf("a")).toBe(nameOf("a"));
  expect(nameOf("a")).not.toBe(nameOf("b"));
  expect(nameOf("a")).toMatch(/^a-long-stage-name_h+-[0-9a-f]{12}-1234\.fifo$/);
});

test("a prefix that leaves no room is refused", () => {
  const tooLong = { prefix: "p".repeat(75), hostId: "host", generation: 1 };
  expect(() => commandQueueName(tooLong)).toThrow("no queue name");
});
