import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DueItem, dueHeap, NO_SLOT } from "../../../shared/memory/due-heap.ts";

describe("the due heap", () => {
  it("gives its items in order, whatever was put, moved and removed before", () => {
    const step = fc.record({ item: fc.nat(15), dueAt: fc.nat(10), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const heap = dueHeap<DueItem>();
        const items = Array.from(
          { length: 16 },
          (_, tie): DueItem => ({ dueAt: 0, tie, slot: NO_SLOT }),
        );
        const inside = new Set<DueItem>();
        for (const { item, dueAt, remove } of steps) {
          const chosen = items[item];
          if (chosen === undefined) continue;
          if (remove) {
            heap.remove(chosen);
            inside.delete(chosen);
          } else {
            chosen.dueAt = dueAt;
            heap.put(chosen);
            inside.add(chosen);
          }
        }
        const expected = [...inside].toSorted((a, b) => a.dueAt - b.dueAt || a.tie - b.tie);
        expect([...heap.inOrder()]).toEqual(expected);
        expect(heap.first()).toBe(expected[0]);
        expect(heap.size()).toBe(expected.length);
      }),
    );
  });
});
