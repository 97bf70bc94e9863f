import { expect, test } from "@jest/globals";

import { wantsColours } from "./palette.js";

test.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { NO_COLOR: "" }, true],
  [{ isTTY: true }, { NO_COLOR: "1" }, false],
  [{ isTTY: true }, { TERM: "dumb" }, false],
  [{ isTTY: false }, {}, false],
  [{}, {}, false],
])("output %j with %j wants colours: %j", (output, env, wanted) => {
  expect(wantsColours(output, env)).toBe(wanted);
});
