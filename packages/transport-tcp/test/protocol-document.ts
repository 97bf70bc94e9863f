import { readFileSync } from "node:fs";

/** PROTOCOL.md. */
export const protocol = readFileSync(new URL("../PROTOCOL.md", import.meta.url), "utf8");

/** The bytes of its examples, by name. */
export const examples: ReadonlyMap<string, Uint8Array> = new Map(
  [...protocol.matchAll(/```hex ([\w-]+)\n([^`]*)```/g)].map(([, name = "", lines = ""]) => [
    name,
    Uint8Array.from(Buffer.from(lines.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, ""), "hex")),
  ]),
);
