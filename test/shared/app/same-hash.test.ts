import fc from "fast-check";
import { expect, it } from "vitest";
import { sameHash } from "../../../shared/app/same-hash.ts";

it("says of two hashes what comparing them says", () => {
  const hash = fc.string({ unit: fc.constantFrom("0", "1", "f"), maxLength: 4 });
  fc.assert(
    fc.property(hash, hash, (a, b) => {
      expect(sameHash(a, b)).toBe(a === b);
      expect(sameHash(a, a)).toBe(true);
    }),
  );
});
