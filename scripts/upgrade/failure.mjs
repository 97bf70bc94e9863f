/** Something is not as it must be; said with what was seen instead. */
export class Failure extends Error {
  /**
   * @param {string} expected
   * @param {unknown} seen text, or what can be written as JSON
   */
  constructor(expected, seen) {
    const text = typeof seen === "string" ? seen.trim() : JSON.stringify(seen, undefined, 1);
    super(`expected: ${expected}\nseen:     ${text === "" ? "nothing" : text}`);
    this.name = "Failure";
  }
}
