import { expect, test } from "@jest/globals";

import { sizeText } from "./sizes.js";

test.each([
  [0, "0 B"],
  [1, "1 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [10_188, "9.9 KiB"],
  [10_190, "10 KiB"],
  [1_048_575, "1.0 MiB"],
  [1_234_567, "1.2 MiB"],
  [300 * 2 ** 20, "300 MiB"],
  [2 ** 53, "8192 TiB"],
])("%i bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
