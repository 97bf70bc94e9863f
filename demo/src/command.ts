// What a person types: commands begin with a colon, everything else is an update.

/** A node, or all of those to which it can be done. */
export type Target = number | "leader" | "all";

export type Command =
  | { readonly name: "update"; readonly text: string }
  | { readonly name: "kill"; readonly target: Target }
  | { readonly name: "restart"; readonly target: Exclude<Target, "leader"> }
  | { readonly name: "log"; readonly count: number }
  | { readonly name: "status" }
  | { readonly name: "help" }
  | { readonly name: "quit" }
  /** An empty line. */
  | { readonly name: "nothing" }
  /** Not understood; the text says why, and what to type. */
  | { readonly name: "mistake"; readonly text: string };

/** For the person, and for the Tab key. */
export const COMMANDS: readonly (readonly [command: string, meaning: string])[] = [
  [":kill 1", "kill -9 node 1; also :kill leader, :kill all"],
  [":restart 1", "start node 1 again; also :restart all"],
  [":status", "who leads, and what each node has ordered"],
  [":log", "the last updates, compared across the nodes; :log 50 shows more"],
  [":help", "this list"],
  [":quit", "end the servers and leave; Ctrl-C and Ctrl-D do the same"],
];

const DEFAULT_COUNT = 10;

/** Understands a line. */
export function parseCommand(line: string, nodeCount: number): Command {
  if (line.trim() === "") return { name: "nothing" };
  if (!line.startsWith(":")) return { name: "update", text: line };
  // "::x" is the update ":x".
  if (line.startsWith("::")) return { name: "update", text: line.slice(1) };
  const [name = "", argument, ...more] = line.slice(1).trim().split(/\s+/);
  if (more.length > 0) return mistake(`:${name} takes one argument at most`);
  switch (name) {
    case "kill": {
      const target = parseTarget(argument, nodeCount);
      if (target !== undefined) return { name, target };
      return mistake(`which one? :kill ${nodeIds(nodeCount)}, :kill leader or :kill all`);
    }
    case "restart": {
      const target = parseTarget(argument, nodeCount);
      if (target !== undefined && target !== "leader") return { name, target };
      return mistake(`which one? :restart ${nodeIds(nodeCount)} or :restart all`);
    }
    case "log": {
      if (argument === undefined) return { name, count: DEFAULT_COUNT };
      if (/^[1-9]\d{0,5}$/.test(argument)) return { name, count: Number(argument) };
      return mistake("how many? :log 10, for instance");
    }
    case "status":
    case "help":
    case "quit":
      return argument === undefined ? { name } : mistake(`:${name} takes no argument`);
    default:
      return mistake(`there is no :${name}; :help lists what there is, and ::${name} sends it as an update`);
  }
}

/** Whether an update looks as if a command was meant. */
export function looksLikeCommand(text: string): boolean {
  return /^\s*(kill|restart|status|log|help|quit|exit)(\s+\w+)?\s*$/.test(text);
}

/** What the Tab key makes of the beginning of a line. */
export function completeCommand(line: string): [completions: string[], of: string] {
  const names = COMMANDS.map(([command]) => command.replace(/ .*/, " "));
  return [line.startsWith(":") ? names.filter((name) => name.startsWith(line)) : [], line];
}

function parseTarget(argument: string | undefined, nodeCount: number): Target | undefined {
  if (argument === "leader" || argument === "all") return argument;
  const nodeId = argument !== undefined && /^\d{1,9}$/.test(argument) ? Number(argument) : nodeCount;
  return nodeId < nodeCount ? nodeId : undefined;
}

function nodeIds(nodeCount: number): string {
  return Array.from({ length: nodeCount }, (_, nodeId) => nodeId).join(", ");
}

function mistake(text: string): Command {
  return { name: "mistake", text };
}
