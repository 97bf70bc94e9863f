import { expect, test } from "@jest/globals";
import { Line, type Standing } from "./line.js";

class Person implements Standing<Person> {
  ahead: Person | undefined;
  behind: Person | undefined;
  constructor(readonly name: number) {}
}

function names(line: Line<Person>): number[] {
  const all = [];
  for (let one = line.first; one !== undefined; one = one.behind) all.push(one.name);
  return all;
}

test("who joins comes last, who jumps first, and anybody may leave", () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const line = new Line<Person>();
  const model: Person[] = [];
  for (let step = 0; step < 5000; step++) {
    const what = random(5);
    const one = new Person(step);
    if (what < 2) {
      line.join(one);
      model.push(one);
    } else if (what === 2) {
      line.jump(one);
      model.unshift(one);
    } else if (model.length > 0) {
      line.leave(model.splice(random(model.length), 1)[0] as Person);
    }
    if (names(line).join() !== model.map(({ name }) => name).join())
      throw new Error(`step ${step}: ${names(line).join()}`);
    if (line.length !== model.length) throw new Error(`step ${step}: length ${line.length}`);
  }
  expect(model.length).toBeGreaterThan(100);
});
