/**
 * One direction of a connection. What it is given arrives in order and in a later turn of the event loop; while the
 * way is cut, it waits. Nobody is told of a cut, as with a real cable.
 */
export class Wire {
  readonly #onTheWay: (() => void)[] = [];

  constructor(
    private readonly isCut: () => boolean,
    /** The wires that hold something back; it flows when the network heals. */
    private readonly stopped: Set<Wire>,
  ) {}

  carry(arrive: () => void): void {
    this.#onTheWay.push(arrive);
    setImmediate(() => this.flow());
  }

  flow(): void {
    // What is put on the wire meanwhile has a turn of its own.
    for (let count = this.#onTheWay.length; count > 0 && !this.isCut(); count--) this.#onTheWay.shift()?.();
    if (this.#onTheWay.length > 0) this.stopped.add(this);
    else this.stopped.delete(this);
  }
}
