/** Where a node says what it does. Lines carry no time stamp and no line end. */
export interface Logger {
  /** Whether debug lines are wanted. Each message and timer makes one, so they are not composed in vain. */
  readonly verbose: boolean;
  /** Every message sent and received, every timer that fires. */
  debug(line: string): void;
  /** What an operator cares about: connected, leader elected, caught up. */
  info(line: string): void;
  /** What an operator should look at. */
  warn(line: string): void;
  /** What keeps the node from doing its work. */
  error(line: string): void;
}

/** Says nothing. */
export const silentLogger: Logger = {
  verbose: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
