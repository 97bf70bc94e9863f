import { expect, test } from "@jest/globals";
import { crc32c } from "./crc32c.js";

// RFC 3720, B.4, and the usual check value.
test.each([
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ["nine digits", new TextEncoder().encode("123456789"), 0xe3069283],
  ["nothing", new Uint8Array(), 0],
])("known checksums: %s", (_, bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum);
});

test("it is the same wherever the bytes lie", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i * 7);
  for (let offset = 0; offset < 9; offset++) {
    const elsewhere = new Uint8Array(120);
    elsewhere.set(bytes, offset);
    expect(crc32c(elsewhere.subarray(offset, offset + 100))).toBe(crc32c(bytes));
  }
});
