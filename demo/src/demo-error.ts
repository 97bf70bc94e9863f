/** What keeps the demo from going on. The message is for people: what is wrong, and what to do. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}
