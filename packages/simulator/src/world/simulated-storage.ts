import type { Save, Storage, StoredState, StoredUpdates } from "@paxos/core";
import type { Host } from "./host.js";
import type { Life } from "./life.js";

/** The storage port of one process, over its host's disk. Holds its caller to the contract of the port. */
export class SimulatedStorage implements Storage {
  #lastSave = 0;
  #saving = false;

  constructor(
    private readonly host: Host,
    private readonly life: Life,
  ) {}

  load(): Promise<StoredState> {
    const { host, life } = this;
    const { world, checkers } = host.cluster;
    return new Promise((resolve) => {
      world.after(host.random.between(100, 5000), () => {
        life.input(() => {
          const stored = host.disk.load();
          this.#lastSave = host.disk.lastSave;
          for (const checker of checkers) checker.started?.(host.id, stored);
          resolve(stored);
        });
      });
    });
  }

  save(save: Save): Promise<void> {
    const { host, life } = this;
    const { world } = host.cluster;
    if (!life.acts()) return never();
    this.#check(save);
    this.#saving = true;
    world.saves++;
    return new Promise((resolve) => {
      host.disk.write(save, () => {
        life.input(() => {
          world.steps++;
          this.#saving = false;
          resolve();
        });
      });
    });
  }

  read(from: number, upTo: number, maxBytes: number): Promise<StoredUpdates> {
    const { host, life } = this;
    if (!life.acts()) return never();
    if (from < 1 || upTo > host.disk.durableAru) {
      this.#violate(`reads ${from} to ${upTo}, durable is ${host.disk.durableAru}`);
    }
    return new Promise((resolve) => {
      host.disk.read(from, upTo, maxBytes, (stored) => life.input(() => resolve(stored)));
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
    this.host.cluster.world.violate("storage-contract", `node ${this.host.id} ${finding}`);
  }
}

/** What a dead process waits for. */
function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
