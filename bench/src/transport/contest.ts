// What moves between this process and the receiver's, and what that takes.
import type { ClientUpdate, Message } from "@paxos/proto";
import type { ChildProcess } from "node:child_process";
import { on } from "node:events";
import { confirmEvery, makeUpdate, question, type Load } from "./loads.js";
import type { Report } from "./receiver.js";

export const updatesInFlight = 1024;

/** What was moved a second, and a second of processor time. */
export interface Rates {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** Moves things for about so many seconds; resolves with how many. */
export type Move = (seconds: number) => Promise<number>;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Milliseconds of processor time that both processes have spent. */
async function cpuMs(receiver: ChildProcess): Promise<number> {
  receiver.send("cpu");
  for await (const [report] of on(receiver, "message") as AsyncIterable<[Report]>) {
    if (!("cpuMs" in report)) continue;
    const { user, system } = process.cpuUsage();
    return report.cpuMs + (user + system) / 1000;
  }
  throw new Error("the receiver has gone");
}

export async function measure(receiver: ChildProcess, move: Move, seconds: number): Promise<Rates> {
  const cpuBefore = await cpuMs(receiver);
  const start = performance.now();
  const moved = await move(seconds);
  const tookMs = performance.now() - start;
  return {
    perSecond: (moved / tookMs) * 1000,
    perCpuSecond: (moved / ((await cpuMs(receiver)) - cpuBefore)) * 1000,
  };
}

export function messagesBy(
  receiver: ChildProcess,
  send: (message: Message) => void,
  { make, perTurn, window }: Load,
): Move {
  return async (seconds) => {
    let confirmed = 0;
    const onReport = (report: Report): void => {
      if ("count" in report) confirmed = Math.max(confirmed, report.count);
    };
    receiver.on("message", onReport);
    const end = performance.now() + seconds * 1000;
    let sent = 0;
    while (performance.now() < end || sent % confirmEvery !== 0) {
      for (let i = 0; i < perTurn; i++) send(make());
      sent += perTurn;
      do await turn();
      while (sent - confirmed > window);
    }
    while (confirmed < sent) await turn();
    receiver.off("message", onReport);
    return sent;
  };
}

/** Whom to tell that an answer has come. */
export class Answers {
  onAnswer: () => void = () => undefined;
}

/** Questions, so many at once, each of which is followed by another one when it is answered. */
export function roundTripsBy(send: (message: Message) => void, answers: Answers, underWay: number): Move {
  return (seconds) =>
    new Promise((resolve) => {
      const end = performance.now() + seconds * 1000;
      let asked = underWay;
      let answered = 0;
      answers.onAnswer = () => {
        answered++;
        if (performance.now() < end) {
          asked++;
          send(question());
        } else if (answered === asked) resolve(answered);
      };
      for (let i = 0; i < underWay; i++) send(question());
    });
}

/** Callers side by side, each with one update after the other. */
export function updatesBy(submit: (update: ClientUpdate) => Promise<unknown>): Move {
  return async (seconds) => {
    const end = performance.now() + seconds * 1000;
    let answered = 0;
    const caller = async (): Promise<void> => {
      while (performance.now() < end) {
        await submit(makeUpdate());
        answered++;
      }
    };
    await Promise.all(Array.from({ length: updatesInFlight }, caller));
    return answered;
  };
}
