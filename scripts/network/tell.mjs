// node tell.mjs SOCKET LINE...: has wire.py change what it loses, and waits until that is done.
import { once } from "node:events";
import { connect } from "node:net";

const [path = "", ...lines] = process.argv.slice(2);
const socket = connect(path);
socket.end(lines.map((line) => `${line}\n`).join(""));
const [answer] = /** @type {Buffer[]} */ (await once(socket, "data"));
if (answer?.toString() !== "done\n") throw new Error(`wire.py answered ${String(answer)}`);
