import { expect, test } from "@jest/globals";
import { MemoryNetwork, until } from "../src/index.js";
import type { MemoryConnection } from "../src/memory/memory-connection.js";

/** Two ends of a connection, and the words that have come to each. */
function connected(network: MemoryNetwork, from: string, to: string) {
  const heard: { near: string[]; far: string[] } = { near: [], far: [] };
  const listen = async (end: MemoryConnection, words: string[]): Promise<void> => {
    for (let next = await end.receive(); next !== undefined; next = await end.receive()) {
      words.push(Buffer.from(next).toString());
    }
  };
  let far: MemoryConnection | undefined;
  const listener = network.listen(to, (end) => {
    far = end;
    void listen(end, heard.far);
  });
  const near = network.connect(from, to);
  void listen(near, heard.near);
  return {
    heard,
    near,
    far: () => far ?? near,
    close: () => {
      listener.close();
      near.close();
    },
  };
}

const say = (end: MemoryConnection, word: string): void => void end.send(Buffer.from(word));

test("a cut is one way, holds back what is sent, and lets it arrive when it heals", async () => {
  const network = new MemoryNetwork();
  const [a, b, c] = [network.freeAddress(), network.freeAddress(), network.freeAddress()];
  const ab = connected(network, a, b);
  const ac = connected(network, a, c);
  say(ab.near, "one");
  await until(() => ab.heard.far.length === 1, "it arrives");
  network.cut({ from: a, to: b });
  say(ab.near, "two");
  say(ab.far(), "back");
  say(ac.near, "elsewhere");
  await until(() => ab.heard.near.length === 1 && ac.heard.far.length === 1, "the other ways are open");
  expect(ab.heard.far).toEqual(["one"]);
  network.heal({ from: a, to: b });
  await until(() => ab.heard.far.length === 2, "it arrives");
  expect(ab.heard).toEqual({ near: ["back"], far: ["one", "two"] });
  ab.close();
  ac.close();
  await until(() => network.openEnds === 0, "nothing is open");
});

test("an end that closes behind a cut is missed only once the cut has healed", async () => {
  const network = new MemoryNetwork();
  const [a, b] = [network.freeAddress(), network.freeAddress()];
  const { near, far, close } = connected(network, a, b);
  await until(() => far() !== near, "connected");
  network.cut({ from: a });
  near.close("enough");
  const other = connected(network, b, network.freeAddress());
  say(other.near, "elsewhere");
  await until(() => other.heard.far.length === 1, "the network goes on");
  expect(far().closedBecause).toBeUndefined();
  network.heal();
  await until(() => far().closedBecause === "enough", "the other end was told");
  other.close();
  close();
});

test("a reset ends both ends at once", async () => {
  const network = new MemoryNetwork();
  const [a, b] = [network.freeAddress(), network.freeAddress()];
  const { near, far, close } = connected(network, a, b);
  await until(() => far() !== near, "connected");
  network.reset(b);
  expect([near.closedBecause, far().closedBecause]).toEqual(["read ECONNRESET", "read ECONNRESET"]);
  close();
});
