// What must not be left behind, however the program ends: with its work done, by an error, or by a signal.

const duties = new Set<() => void>();

let listening = false;

const signalStatus = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Has this done when the program ends, unless it is called off by what is returned. Nothing can be awaited then. */
export function atExit(duty: () => void): () => void {
  if (!listening) listen();
  duties.add(duty);
  return () => void duties.delete(duty);
}

function listen(): void {
  listening = true;
  process.on("exit", () => duties.forEach((duty) => duty()));
  // Left to itself, a signal ends the program without a word.
  for (const [signal, status] of Object.entries(signalStatus))
    process.once(signal, () => process.exit(status));
}
