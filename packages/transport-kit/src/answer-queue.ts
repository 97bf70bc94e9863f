/** What waits to be said, in the order in which it became known. */
interface Queued {
  /** What it counts. */
  readonly answerBytes: number;
  /** Nobody wants to hear it any more. */
  readonly gone: boolean;
}

/** Answers that wait to be taken. Those that nobody wants are passed over. */
export class AnswerQueue<T extends Queued> {
  #answers: T[] = [];
  #next = 0;
  #bytes = 0;

  /** Bytes of those that are wanted. */
  get bytes(): number {
    return this.#bytes;
  }

  push(answer: T): void {
    this.#answers.push(answer);
    this.#bytes += answer.answerBytes;
  }

  /** Nobody wants it any more: `gone` is true from now on. */
  drop(answer: T): void {
    this.#bytes -= answer.answerBytes;
  }

  /** The first that is wanted; undefined when there is none. */
  first(): T | undefined {
    for (; this.#next < this.#answers.length; this.#next++) {
      const answer = this.#answers[this.#next] as T;
      if (!answer.gone) return answer;
    }
    this.#answers = [];
    this.#next = 0;
    return undefined;
  }

  /** Takes the first away. */
  shift(): void {
    const answer = this.first();
    if (answer === undefined) return;
    this.#next++;
    this.#bytes -= answer.answerBytes;
    // What was taken is not kept for long, however many follow.
    if (this.#next < 1024 || 2 * this.#next < this.#answers.length) return;
    this.#answers = this.#answers.slice(this.#next);
    this.#next = 0;
  }
}
