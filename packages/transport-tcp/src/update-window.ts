import type { UpdateAnswers, UpdateBatch } from "@paxos/proto";
import { frameTargetBytes, UpdateTable } from "@paxos/transport-kit";

/** A server that has so many updates of one connection under way, or so many bytes of them, reads nothing from it. */
const serverMaxUpdates = 4096;
const serverMaxBytes = 8 * 1024 * 1024;

/** What an update counts beyond its payload. */
const entryBytes = 64;

/**
 * The updates that a server has under way for this client. What the client keeps back itself does not fill the
 * connection, on which its other calls and the pings travel too.
 */
export class UpdateWindow {
  readonly #sent = new UpdateTable<number>();
  #bytes = 0;

  /** How many bytes of updates, each counted with its overhead, may be sent in one frame now; 0 when none. */
  get room(): number {
    const updates = serverMaxUpdates - 1 - this.#sent.size;
    return Math.max(0, Math.min(frameTargetBytes, updates * entryBytes, serverMaxBytes - 1 - this.#bytes));
  }

  sent({ updates, abandoned }: UpdateBatch): void {
    for (const id of abandoned) this.#bytes -= this.#sent.take(id) ?? 0;
    for (const update of updates) {
      const bytes = update.update.length + entryBytes;
      this.#bytes += bytes;
      this.#sent.add(update, bytes);
    }
  }

  answered({ answers }: UpdateAnswers): void {
    for (const id of answers) this.#bytes -= this.#sent.take(id) ?? 0;
  }
}
