/** A message in the Go library's text format: its fields in their order, repeated ones several times. */
export type TextMessage = readonly (readonly [name: string, value: TextValue])[];

/** A number, a byte string, or a message. */
export type TextValue = bigint | Uint8Array | TextMessage;

/** Parses what the Go library's `String()` prints, for instance `node_id:1 update:<update:"x" > `. */
export function parseGoText(text: string): TextMessage {
  const tokens = text.match(/"(?:\\.|[^"\\])*"|[<>:]|[^\s<>:"]+/g) ?? [];
  let next = 0;
  const take = (): string => {
    const token = tokens[next++];
    if (token === undefined) throw new Error(`text ends too early: ${text}`);
    return token;
  };
  const message = (): TextMessage => {
    const fields: [string, TextValue][] = [];
    while (next < tokens.length && tokens[next] !== ">") {
      const name = take();
      if (take() !== ":") throw new Error(`no ":" after ${name} in ${text}`);
      fields.push([name, value()]);
    }
    return fields;
  };
  const value = (): TextValue => {
    const token = take();
    if (token.startsWith('"')) return unquote(token);
    if (token !== "<") return BigInt(token);
    const fields = message();
    if (take() !== ">") throw new Error(`no ">" where a message ends in ${text}`);
    return fields;
  };
  const fields = message();
  if (next !== tokens.length) throw new Error(`something follows the message: ${text}`);
  return fields;
}

// Printable characters stand for themselves, other bytes are three octal digits.
function unquote(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const [part, octal, escaped] of token.slice(1, -1).matchAll(/\\([0-7]{3})|\\(["\\])|[^\\]/g)) {
    bytes.push(octal === undefined ? (escaped ?? part).charCodeAt(0) : parseInt(octal, 8));
  }
  return Uint8Array.from(bytes);
}
