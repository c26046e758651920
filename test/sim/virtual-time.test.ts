import { describe, expect, it } from "vitest";
import { virtualTime } from "../../sim/virtual-time.ts";

const never = () => false;

describe("virtual time", () => {
  it("runs events by their times, and those of one time as they were asked for", async () => {
    const time = virtualTime();
    const ran: string[] = [];
    time.after(20, () => ran.push("later"));
    time.after(10, () => ran.push("first"));
    time.after(10, () => ran.push("second"));
    const callOff = time.after(15, () => ran.push("called off"));
    callOff();
    await time.pass({ at: time.now() + 20, isOver: never });
    expect(ran).toEqual(["first", "second", "later"]);
  });

  it("lets all that an event led to happen before the next event", async () => {
    const time = virtualTime();
    const ran: string[] = [];
    time.after(1, () => {
      void chain(50).then(() => ran.push("the end of a long chain"));
    });
    time.after(1, () => ran.push("the next event"));
    await time.pass({ at: time.now() + 1, isOver: never });
    expect(ran).toEqual(["the end of a long chain", "the next event"]);
  });

  it("stands at the time that it was to pass to, also where nothing happens", async () => {
    const time = virtualTime();
    const at = time.now() + 3_600_000;
    await time.pass({ at, isOver: never });
    expect(time.now()).toBe(at);
  });
});

async function chain(links: number): Promise<void> {
  for (let link = 0; link < links; link += 1) await Promise.resolve();
}
