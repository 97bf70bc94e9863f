/** A program that is needed and not installed: a word to people, not a fault of this one. */
export class MissingProgram extends Error {
  override name = "MissingProgram";
}
