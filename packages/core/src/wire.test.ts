import { expect, test } from "@jest/globals";
import { fromWire, PeerError, toWire } from "./wire.js";

test("numbers up to 2^52 pass the border both ways", () => {
  for (const value of [0, 1, 2 ** 32, 2 ** 52]) {
    expect(toWire(value)).toBe(BigInt(value));
    expect(fromWire(BigInt(value), "seq")).toBe(value);
  }
});

test.each([2n ** 52n + 1n, 2n ** 53n, 2n ** 64n - 1n])("%s from a peer is refused", (value) => {
  let thrown: unknown;
  try {
    fromWire(value, "view");
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(PeerError);
  expect((thrown as PeerError).reason).toBe("number_too_large");
  expect((thrown as PeerError).message).toBe(`view ${value} exceeds 4503599627370496`);
});
