import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { keepAlive } from "./keep-alive.js";

/** A connection whose other side answers pings when told so. */
class Line {
  bytesRead = 0;
  pings = 0;
  hungUp: string | undefined;
  closed: () => void = () => undefined;
  #answer: () => void = () => undefined;

  ping(onAnswer: () => void): void {
    this.pings++;
    this.#answer = onAnswer;
  }
  answer(): void {
    this.bytesRead += 8;
    this.#answer();
  }
  hangUp(error?: Error): void {
    this.hungUp = error?.message;
    this.closed();
  }
  onClose(callback: () => void): void {
    this.closed = callback;
  }
}

const options = { intervalMs: 100, timeoutMs: 400 };

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("it pings so long after each answer, and hangs up on nobody who answers", () => {
  const line = new Line();
  keepAlive(line, options);
  for (let pings = 1; pings <= 20; pings++) {
    jest.advanceTimersByTime(100);
    expect(line.pings).toBe(pings);
    jest.advanceTimersByTime(350);
    line.answer();
  }
  expect(line.hungUp).toBeUndefined();
});

test("a connection that has ended before leaves no timer", () => {
  const line = new Line();
  line.onClose = (callback) => callback();
  keepAlive(line, options);
  expect(jest.getTimerCount()).toBe(0);
});

test("a ping that is not answered in time ends the connection, and says so", () => {
  const line = new Line();
  keepAlive(line, options);
  jest.advanceTimersByTime(499);
  expect(line.hungUp).toBeUndefined();
  jest.advanceTimersByTime(5);
  expect(line.hungUp).toBe("no answer to a ping within 400 ms");
});

test("a connection that cannot be pinged any more, and does not close, is ended", () => {
  const line = new Line();
  line.ping = () => undefined;
  keepAlive(line, options);
  jest.advanceTimersByTime(510);
  expect(line.hungUp).toMatch(/no answer/);
});

test("whatever arrives is a sign of life", () => {
  const line = new Line();
  keepAlive(line, options);
  for (let ms = 0; ms < 5000; ms += 50) {
    jest.advanceTimersByTime(50);
    line.bytesRead++;
  }
  expect(line.pings).toBe(1);
  expect(line.hungUp).toBeUndefined();
  jest.advanceTimersByTime(510);
  expect(line.hungUp).toMatch(/no answer/);
});

test("bytes ahead of a ping give it the time that they take on a slow link", () => {
  const line = new Line();
  keepAlive(line, options, () => 400 * 1024);
  jest.advanceTimersByTime(890);
  expect(line.hungUp).toBeUndefined();
  jest.advanceTimersByTime(20);
  expect(line.hungUp).toBe("no answer to a ping within 800 ms");
});

test("a connection that has closed is pinged no more, and a late answer starts nothing", () => {
  const line = new Line();
  keepAlive(line, options);
  jest.advanceTimersByTime(150);
  line.closed();
  line.answer();
  jest.advanceTimersByTime(5000);
  expect(line.pings).toBe(1);
  expect(line.hungUp).toBeUndefined();
});

test("a stall of the own event loop says nothing about the other side", () => {
  // The clock jumps while no timer fires, as in a long turn of the event loop.
  jest.useRealTimers();
  jest.useFakeTimers({ doNotFake: ["performance"] });
  let now = 0;
  const clock = jest.spyOn(performance, "now").mockImplementation(() => now);
  const advance = (ms: number, seen = ms): void => {
    now += seen;
    jest.advanceTimersByTime(ms);
  };
  const line = new Line();
  keepAlive(line, options);
  advance(100);
  for (let stall = 0; stall < 10; stall++) advance(100, 1000);
  expect(line.hungUp).toBeUndefined();
  for (let slice = 0; slice < 4; slice++) advance(100);
  jest.advanceTimersByTime(5);
  expect(line.hungUp).toMatch(/no answer/);
  clock.mockRestore();
});
