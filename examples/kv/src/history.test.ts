import { expect, test } from "@jest/globals";
import { History, type Revision } from "./history.js";

const revision = (seq: number, changes = 1): Revision => ({
  seq,
  changes: Array.from({ length: changes }, (_, i) => ({ key: `${i}`, value: "" })),
});

test("what is behind a seq is found, so many at a time", () => {
  const history = new History();
  for (const seq of [2, 3, 7, 9]) history.add(revision(seq));
  const after = (seq: number, limit = 10) => history.after(seq, limit).map((one) => one.seq);
  expect(after(0)).toEqual([2, 3, 7, 9]);
  expect(after(3)).toEqual([7, 9]);
  expect(after(4)).toEqual([7, 9]);
  expect(after(2, 1)).toEqual([3]);
  expect(after(9)).toEqual([]);
  history.add(revision(10, 0));
  expect(after(9)).toEqual([]);
});

test("the oldest is forgotten, by number and by size, and it is known up to where; also when it is restored", () => {
  const history = new History();
  for (let seq = 1; seq <= 10_000; seq++) history.add(revision(seq));
  expect(history.forgotten).toBe(0);
  history.add(revision(10_001, 3));
  expect(history.forgotten).toBe(3);
  expect(history.after(3, 1)[0]?.seq).toBe(4);
  history.add({ seq: 10_002, changes: [{ key: "k", value: "x".repeat(16 * 1024 * 1024) }] });
  expect(history.forgotten).toBe(10_002);
  history.add(revision(10_003));
  const copy = new History();
  copy.restore(JSON.parse(JSON.stringify(history.all())) as ReturnType<History["all"]>);
  expect(copy.all()).toEqual(history.all());
  expect(copy.all()).toEqual({ forgotten: 10_002, revisions: [revision(10_003)] });
});
