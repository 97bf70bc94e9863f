import type { Save, Storage, StoredState, StoredUpdates } from "@paxos/core";
import type { Seat } from "./seat.js";
import type { Life } from "./life.js";

/** The storage port of one process, over its host's disk. Holds its caller to the contract of the port. */
export class SimulatedStorage implements Storage {
  #lastSave = 0;
  #saving = false;

  constructor(
    private readonly seat: Seat,
    private readonly life: Life,
  ) {}

  load(): Promise<StoredState> {
    const { seat, life } = this;
    const { world, checkers } = seat.surroundings;
    return new Promise((resolve) => {
      world.after(seat.random.between(100, 5000), () => {
        life.input(() => {
          const stored = seat.disk.load();
          this.#lastSave = seat.disk.lastSave;
          for (const checker of checkers) checker.started?.(seat.id, stored);
          resolve(stored);
        });
      });
    });
  }

  save(save: Save): Promise<void> {
    const { seat, life } = this;
    const { world, checkers } = seat.surroundings;
    if (!life.acts()) return never();
    this.#check(save);
    this.#saving = true;
    for (const checker of checkers) checker.saveBegins?.(seat.id);
    world.saves++;
    return new Promise((resolve) => {
      seat.disk.write(save, () => {
        life.input(() => {
          world.steps++;
          this.#saving = false;
          for (const checker of checkers) checker.saveEnds?.(seat.id);
          resolve();
        });
      });
    });
  }

  read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates> {
    const { seat, life } = this;
    if (!life.acts()) return never();
    if (from < 1 || upTo > seat.disk.durableAru) {
      this.#violate(`reads ${from} to ${upTo}, durable is ${seat.disk.durableAru}`);
    }
    return new Promise((resolve) => {
      seat.disk.read(from, upTo, maxBytes, (stored) => life.input(() => resolve(stored)));
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #check({ number }: Save): void {
    const due = ++this.#lastSave;
    if (this.#saving) this.#violate(`makes save ${number} while another is under way`);
    else if (number !== due) this.#violate(`makes save ${number} where ${due} is due`);
  }

  #violate(finding: string): void {
    this.seat.surroundings.world.violate("storage-contract", `node ${this.seat.id} ${finding}`);
  }
}

/** What a dead process waits for. */
function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
