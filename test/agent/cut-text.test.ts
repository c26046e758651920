import { expect, test } from "vitest";
import { cutText } from "../../agent/cut-text.ts";

test("a text within the bound stays as it is", () => {
  expect(cutText("x".repeat(64), 64)).toBe("x".repeat(64));
});

test("a longer text is cut, and no character is cut in two", () => {
  expect(cutText("x".repeat(65), 64)).toBe("x".repeat(64));
  expect(cutText(`${"x".repeat(63)}😀`, 64)).toBe("x".repeat(63));
  expect(cutText(`${"x".repeat(62)}😀y`, 64)).toBe(`${"x".repeat(62)}😀`);
});
