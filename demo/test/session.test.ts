import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { createPalette } from "../src/palette.js";
import { runSession } from "../src/session.js";
import { until } from "../src/until.js";
import { FakeCluster } from "./fake-cluster.js";
import { CTRL_C, CTRL_D, Keyboard, LEFT, Screen } from "./screen.js";

const HEADER = "  node  pid  role      view  ARU  last updates, the newest first";

let cluster: FakeCluster;
let screen: Screen;
let keyboard: Keyboard;
let interrupt: AbortController;
let ended: Promise<void>;

beforeEach(async () => {
  cluster = new FakeCluster();
  screen = new Screen();
  keyboard = new Keyboard();
  interrupt = new AbortController();
  const palette = createPalette(false);
  ended = runSession({ cluster, input: keyboard, output: screen, palette, signal: interrupt.signal });
  await expectShown("  2     102  follower     1    1");
});

afterEach(async () => {
  interrupt.abort();
  await ended;
  screen.destroy();
});

function expectShown(text: string): Promise<void> {
  return expectToHold(text, () => screen.text.includes(text));
}

async function expectToHold(what: string, condition: () => boolean): Promise<void> {
  const { signal } = new AbortController();
  await until(what, async () => condition(), { ms: 10_000, signal }).catch((error: unknown) => {
    throw new Error(`not on the screen: ${what}\n${screen.text}`, { cause: error });
  });
}

test("it begins with the commands, the leader and the table, within 80 columns, and prompts", () => {
  expect(screen.lines).toEqual([
    "Each line you type is an update; all three nodes order them alike. Commands:",
    "  :kill 1     kill -9 node 1; also :kill leader, :kill all",
    "  :restart 1  start node 1 again; also :restart all",
    "  :status     who leads, and what each node has ordered",
    "  :log        the last updates, compared across the nodes; :log 50 shows more",
    "  :help       this list",
    "  :quit       end the servers and leave; Ctrl-C and Ctrl-D do the same",
    "From another terminal: pnpm paxos-client -h /tmp/hosts",
    "node 1 leads view 1",
    HEADER,
    "  0     100  follower     1    1",
    "  1     101  leader       1    1",
    "  2     102  follower     1    1",
    ">",
  ]);
  // Colours begin with a sequence that ends in "m".
  expect(screen.raw).not.toMatch(/\p{Cc}\[[\d;]*m/u);
});

test("a typed line is ordered, and every node shows it", async () => {
  keyboard.type("hello\r");
  await expectShown("  2     102  follower     1    2  2: hello");
  expect(screen.lines.slice(-7)).toEqual([
    "> hello",
    'seq 2: "hello" through node 0 in 4 ms',
    HEADER,
    "  0     100  follower     1    2  2: hello",
    "  1     101  leader       1    2  2: hello",
    "  2     102  follower     1    2  2: hello",
    ">",
  ]);
});

test("pasted lines are ordered as they stand, with one table at the end", async () => {
  keyboard.paste("one\rtwo\rthree\r");
  await expectShown("4: three  3: two  2: one");
  expect(cluster.entries.map(({ update }) => String(update))).toEqual(["one", "two", "three"]);
  expect(screen.count(HEADER)).toBe(2);
});

test("what looks like a command is an update, and said to be one", async () => {
  keyboard.type("kill 1\r::kill 1\r");
  await expectShown("3: :kill 1  2: kill 1");
  expect(screen.text).toContain("  that was an update like any other; commands begin with a colon: :kill 1");
  expect(cluster.members[1]?.pid).toBeDefined();
});

test("a killed leader is shown as down, and the next one with the time that it took", async () => {
  keyboard.type(":kill leader\r");
  await expectShown("  1       -  down");
  expect(screen.text).toContain(
    ["killed node 1 (kill -9)", "no leader: the nodes that are up will elect one", HEADER].join("\n"),
  );
  cluster.elect(2);
  await expectShown("  2     102  leader       2    1");
  expect(screen.text).toMatch(/node 2 leads view 2, \d\.\d s after node 1 was killed/);
  keyboard.type(":restart 1\r");
  await expectShown("  1     101  follower     2    1");
  expect(screen.text).toMatch(/node 1 is up again, and level with the others after \d\.\d s/);
});

test("an update without a majority waits, says why, and is ordered when there is one again", async () => {
  keyboard.type(":kill 0\r:kill 2\r");
  await expectShown("  2       -  down");
  keyboard.type("patience\r");
  await expectShown('"patience" waits: 1 of 3 nodes up, and it takes 2');
  keyboard.type(":restart all\r");
  await expectShown('seq 2: "patience"');
  await expectShown("nodes 0 and 2 are up again");
});

test("a server that ends by itself is told of once, with the end of its log", async () => {
  cluster.lose(0);
  await expectShown("  0       -  down");
  keyboard.type(":status\r");
  await expectToHold("the table, again", () => screen.count("  0       -  down") === 2);
  expect(screen.count("node 0 has ended, but not from here: status 1\n  the last line of its log")).toBe(1);
});

test("the logs are shown side by side, and compared", async () => {
  keyboard.type("a\r");
  await expectShown("2: a");
  keyboard.type(":kill 2\r");
  await expectShown("  2       -  down");
  keyboard.type(":log\r");
  await expectShown("the logs of nodes 0, 1 are the same, entry by entry, up to seq 2");
  expect(screen.text).toContain(["  seq  nodes  update", "    2  0 1 .  a"].join("\n"));
});

test.each([
  [":kill 3", "which one? :kill 0, 1, 2, :kill leader or :kill all"],
  [":restart leader", "which one? :restart 0, 1, 2 or :restart all"],
  [":restart 1", "node 1 is up already; :kill 1"],
  [":frob", "there is no :frob; :help lists what there is, and ::frob sends it as an update"],
])("%s is answered with what to do", async (line, answer) => {
  keyboard.type(`${line}\r`);
  await expectShown(answer);
  expect(cluster.entries).toEqual([]);
});

test("Tab completes commands", async () => {
  keyboard.type(":he\t");
  await expectShown("> :help");
});

const LONG = "a line that is wider than the terminal, so that it takes three rows of it: ".repeat(3);

test.each([
  ["short, typed", (text: string) => keyboard.type(text), "so far"],
  ["wrapped, typed", (text: string) => keyboard.type(text), LONG],
  ["wrapped, pasted", (text: string) => keyboard.paste(text), LONG],
])("what is being typed survives what is printed meanwhile (%s)", async (_how, enter, text) => {
  enter(text);
  const typed = `> ${text}`;
  const rows = (typed.match(/.{1,80}/g) ?? []).map((row) => row.trimEnd());
  const column = typed.length % screen.columns;
  await expectToHold("all that was typed", () => screen.cursorColumn === column);
  for (const leader of [2, 0, 1]) {
    cluster.elect(leader);
    await expectShown(`node ${leader} leads view ${cluster.view}`);
    await expectToHold("the prompt", () => screen.lines.slice(-rows.length).join("\n") === rows.join("\n"));
    expect(screen.cursorColumn).toBe(column);
  }
  expect(screen.count("> ")).toBe(1);
  // No row of the tables was overwritten, and none left empty.
  for (const row of [HEADER, "  0     100", "  1     101", "  2     102"]) expect(screen.count(row)).toBe(4);
  expect(screen.lines.slice(0, -rows.length).filter((line) => line === "")).toEqual([]);
  keyboard.type("\r");
  await expectShown('seq 2: "');
  expect(String(cluster.entries[0]?.update)).toBe(text);
});

test("the cursor stays where it was in the middle of a line", async () => {
  keyboard.type("hell world");
  keyboard.write(LEFT.repeat(6));
  await expectToHold("the cursor", () => screen.cursorColumn === "> hell".length);
  cluster.elect(0);
  await expectShown("node 0 leads view 2");
  await expectToHold("the cursor", () => screen.cursorColumn === "> hell".length);
  keyboard.type("o\r");
  await expectShown('seq 2: "hello world"');
});

test.each([
  ["Ctrl-C", () => keyboard.write(CTRL_C)],
  ["Ctrl-D", () => keyboard.write(CTRL_D)],
  [":quit", () => keyboard.type(":quit\r")],
  ["a signal", () => interrupt.abort()],
])("%s ends it, with the prompt off the screen", async (_how, end) => {
  end();
  await ended;
  screen.write("bye\n");
  await expectShown("bye");
  const [row = "", beyond = ""] = screen.lines.slice(-2);
  expect([row, beyond]).toEqual(["bye", ""]);
});

test("updates that wait when it ends are counted", async () => {
  keyboard.type(":kill all\r");
  await expectShown("  2       -  down");
  keyboard.type("a\rb\r");
  await expectShown("> b");
  keyboard.write(CTRL_C);
  await ended;
  await expectShown("not ordered yet: 2 of the updates that you typed");
});

test("a fault of the demo itself ends it", async () => {
  cluster.ending = () => {
    throw new TypeError("x is not a function");
  };
  cluster.lose(0);
  const failed = ended;
  ended = Promise.resolve();
  await expect(failed).rejects.toThrow("x is not a function");
});
