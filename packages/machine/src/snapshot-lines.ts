// A snapshot's items as bytes: a line of JSON each.

/** About so many bytes make a piece. */
const pieceBytes = 64 * 1024;

const encoder = new TextEncoder();

/** @throws TypeError for an item that JSON cannot write. */
export function* joinItems(items: Iterable<unknown>): Generator<Uint8Array> {
  let lines: string[] = [];
  let length = 0;
  for (const item of items) {
    const line = JSON.stringify(item) as string | undefined;
    if (line === undefined)
      throw new TypeError(`a snapshot's item is ${String(item)}, which JSON cannot write`);
    lines.push(line, "\n");
    length += line.length;
    if (length < pieceBytes) continue;
    yield encoder.encode(lines.join(""));
    lines = [];
    length = 0;
  }
  if (lines.length > 0) yield encoder.encode(lines.join(""));
}

/** The items again, however their bytes were cut. */
export async function* splitItems(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest: string[] = [];
  for await (const piece of pieces) {
    const lines = decoder.decode(piece, { stream: true }).split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      rest.push(line);
      yield JSON.parse(rest.join(""));
      rest = [];
    }
    rest.push(last);
  }
  // Throws when the last character is not whole.
  rest.push(decoder.decode());
  if (rest.join("") !== "") throw new Error("a snapshot ends within an item");
}
