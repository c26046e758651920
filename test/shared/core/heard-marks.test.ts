import { describe, expect, it } from "vitest";
import { doubtsBefore, isHeardAlone } from "../../../shared/core/heard-marks.ts";
import { T0 } from "../../support/a-record.ts";

const report = { seq: 5, digest: "own", receivedAt: T0, known: "known" };

describe("what reports leave on the heartbeat", () => {
  it("is this report alone where nothing else was said since the last one worked off", () => {
    expect(isHeardAlone({ own: { seq: 5, at: T0 } }, "own")).toBe(true);
    expect(isHeardAlone({ own: { seq: 5, at: T0 }, other: { seq: 2, at: 0 } }, "own")).toBe(false);
  });

  it("is in doubt where an earlier report said something else (2)", () => {
    const heard = {
      own: { seq: 3, at: 0 },
      earlier: { seq: 4, at: T0 - 9_999 },
      later: { seq: 6, at: 0 },
    };
    expect(doubtsBefore(heard, report)).toEqual({
      harmless: [{ digest: "own", seq: 3 }],
      doubtful: [{ digest: "earlier", seq: 4 }],
      abandoned: false,
    });
  });

  it("is no doubt where it says what the inventory says, as quiet reports do (3)", () => {
    const heard = { known: { seq: 4, at: 0 }, own: { seq: 5, at: T0 } };
    expect(doubtsBefore(heard, report)).toEqual({
      harmless: [
        { digest: "known", seq: 4 },
        { digest: "own", seq: 5 },
      ],
      doubtful: [],
      abandoned: false,
    });
    expect(doubtsBefore(heard, { ...report, known: undefined }).abandoned).toBe(true);
  });

  it("is abandoned where nobody can be at work on it any more (4)", () => {
    const heard = { earlier: { seq: 4, at: T0 - 10_000 }, last: { seq: 1, at: T0 } };
    expect(doubtsBefore(heard, report)).toMatchObject({ abandoned: true });
    expect(doubtsBefore(undefined, report)).toMatchObject({ doubtful: [], abandoned: false });
  });
});
