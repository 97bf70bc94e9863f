// Stands in for a test runner where the README's tests are run: one of them has to fail.

export interface CollectedTest {
  readonly name: string;
  readonly body: () => Promise<void>;
}

const collected: CollectedTest[] = [];

export function test(name: string, body: () => Promise<void>): void {
  collected.push({ name, body });
}

/** The tests registered since this was called last. */
export function takeTests(): CollectedTest[] {
  return collected.splice(0);
}
