// What a server has said that it must not say in an upgrade that goes well.

/** A line of a server begins with its time. */
const LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:(warning|error): )?(.*)$/;

/** Nobody listens at an address for a while when a server is restarted; that is none of its peers' doing. */
const RESTARTS = /\bECONNREFUSED\b|\bconnection refused\b/gi;

/** A handshake, a frame or a message that was not understood. */
const NOT_UNDERSTOOD = /\brefused\b|\bdoes not decode\b|\bundecodable\b|\bcannot be read\b/i;

/**
 * The lines that tell of errors, and of peers that do not understand each other. Text without a time is an error too: a stack.
 *
 * @param {string} log
 * @returns {string[]}
 */
export function complaintsIn(log) {
  return log.split("\n").filter((line) => {
    if (line.trim() === "") return false;
    const [, level, text = ""] = LINE.exec(line) ?? [undefined, "error"];
    return level === "error" || NOT_UNDERSTOOD.test(text.replace(RESTARTS, ""));
  });
}

/**
 * The other warnings, without their time. They are shown, and no failure: a restart may cause some.
 *
 * @param {string} log
 * @returns {string[]}
 */
export function warningsIn(log) {
  const complaints = new Set(complaintsIn(log));
  return log.split("\n").flatMap((line) => {
    const [, level, text = ""] = LINE.exec(line) ?? [];
    return level === "warning" && !complaints.has(line) ? [text] : [];
  });
}
