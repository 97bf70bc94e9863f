import { readFile, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunSummary } from "@paxos/simulator";

import { Directory, onlyLine, sim, startSim } from "./program.js";

// Simulations of one node take a fraction of a second each. Several people's machines may be slow all the same.
const SLOW = 120_000;

/** What `--json` prints of many runs, as far as it is looked at here. */
interface Report {
  readonly runs: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly faults: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly realMs: number;
  readonly stepsPerSecond: number;
  readonly stepsPerSecondPerJob: number;
  readonly virtualToReal: number;
  readonly recovery?: {
    readonly medianTicks: number;
    readonly worstTicks: number;
    readonly worstSeed: number;
  };
  readonly profiles: Readonly<Record<string, { readonly runs: number }>>;
  readonly memory: { readonly start: number; readonly middle: number; readonly end: number };
  readonly failures: readonly {
    readonly checker: string;
    readonly profile: string;
    readonly seed: number;
    readonly runs: number;
    readonly replay: string;
  }[];
}

let directory: Directory;
beforeAll(async () => {
  directory = await Directory.make();
});
afterAll(async () => directory.remove());

describe("one run", () => {
  test(
    "is the same in two processes, and with a transcript",
    async () => {
      const [first, second] = await Promise.all([sim("--seed", "7", "--json"), sim("--seed", "7", "--json")]);
      expect(first.status).toBe(0);
      expect(first.stdout).toBe(second.stdout);
      const summary = onlyLine<RunSummary>(first);
      expect(summary).toMatchObject({ seed: 7, profile: "rough" });
      expect(summary.traceHash).toMatch(/^[0-9a-f]{16}$/);
      const traced = await sim("--seed", "7", "--trace");
      expect(traced.stdout).toContain("ALL FAULTS END");
      expect(traced.stdout).toMatch(new RegExp(`^trace hash +${summary.traceHash}$`, "m"));
    },
    SLOW,
  );

  test(
    "of the threads is the same as that of --seed",
    async () => {
      const many = onlyLine<Report>(await sim("--profile", "duel", "--runs", "1", "--from", "11", "--json"));
      const one = onlyLine<RunSummary>(await sim("--profile", "duel", "--seed", "11", "--json"));
      const { steps, virtualMs, faults, faultsByKind } = one;
      expect(many).toMatchObject({ runs: 1, steps, virtualMs, faults, faultsByKind });
    },
    SLOW,
  );

  test(
    "is told to people",
    async () => {
      const { stdout, status } = await sim("--seed", "9", "--profile", "calm", "--nodes", "1");
      expect(status).toBe(0);
      expect(stdout).toContain("Seed 9 of profile calm: no violation");
      expect(stdout).toMatch(/^nodes +1$/m);
      expect(stdout).toMatch(/^faults +0$/m);
      // Nor how fast the first run of a process is.
      expect(stdout).not.toContain("a second");
    },
    SLOW,
  );

  test(
    "that fails says so, and how it is shrunk; shrunk, it fails in the same way",
    async () => {
      const failing = ["--seed", "4", "--nodes", "1", "--with", directory.subject("forgetful.mjs")];
      const failed = await sim(...failing);
      expect(failed.status).toBe(1);
      expect(failed.stdout).toContain("VIOLATION, seed 4 of profile rough");
      expect(failed.stdout).toContain("[one-order]");
      expect(failed.stdout).toMatch(/^Shrink: {2}pnpm sim --seed 4 .*--with \S+ --shrink$/m);

      const shrunk = await sim(...failing, "--shrink", "--max-runs", "40");
      expect(shrunk.status).toBe(1);
      const command = /^Replay: {2}pnpm sim (.*)$/m.exec(shrunk.stdout)?.[1]?.split(" ") ?? [];
      expect(command).toContain("--faults");
      const again = await sim(...command, "--json");
      expect(again.status).toBe(1);
      type Failed = RunSummary & { readonly violation: Report["failures"][number] };
      const whole = onlyLine<Failed>(await sim(...failing, "--json"));
      const small = onlyLine<Failed>(again);
      expect(small.violation.checker).toBe("one-order");
      expect(small.faults).toBeLessThan(whole.faults);
      expect(shrunk.stdout).toContain(small.traceHash);
      expect(small.violation.replay).toBe(`pnpm sim ${command.join(" ")}`);
    },
    SLOW,
  );

  test(
    "that fails is told to programs as it is among others",
    async () => {
      const failing = ["--profile", "calm", "--nodes", "1", "--with", directory.subject("throwing.mjs")];
      const [one, many] = await Promise.all([
        sim("--seed", "3", ...failing, "--json"),
        sim("--from", "3", "--runs", "1", ...failing, "--json"),
      ]);
      const { violation, ...summary } = onlyLine<RunSummary & { readonly violation: object }>(one);
      const [failure] = onlyLine<Report>(many).failures;
      expect({ ...violation, summary }).toEqual(failure);
      expect(failure).toMatchObject({
        stack: expect.stringContaining("throwing.mjs"),
        replay: expect.stringMatching(/^pnpm sim --seed 3 --profile calm --nodes 1 --with /),
      });
    },
    SLOW,
  );

  test(
    "that rejects where nobody awaits is no error of the program's",
    async () => {
      const flags = ["--seed", "1", "--profile", "calm", "--nodes", "1"];
      const { status, stdout } = await sim(...flags, "--with", directory.subject("stray.mjs"));
      expect(status).toBe(1);
      expect(stdout).toContain("BROKEN RUN, seed 1 of profile calm");
      expect(stdout).toContain("nobody awaits this");
      const shrunk = await sim(...flags, "--with", directory.subject("stray.mjs"), "--shrink");
      expect(shrunk.status).toBe(2);
      expect(shrunk.stderr).toContain(
        "seed 1 of profile calm cannot be shrunk: no violation ends it: Error: nobody",
      );
    },
    SLOW,
  );

  test(
    "that does not fail cannot be shrunk",
    async () => {
      const { status, stdout, stderr } = await sim(
        "--seed",
        "1",
        "--nodes",
        "1",
        "--profile",
        "calm",
        "--shrink",
      );
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toBe("pnpm sim: seed 1 of profile calm does not fail: there is nothing to shrink\n");
    },
    SLOW,
  );
});

describe("many runs", () => {
  test(
    "are summed up",
    async () => {
      const flags = [
        "--runs",
        "6",
        "--from",
        "40",
        "--profile",
        "calm",
        "--profile",
        "crashes",
        "--nodes",
        "1",
      ];
      const [people, program] = await Promise.all([sim(...flags), sim(...flags, "--json")]);
      expect(people.status).toBe(0);
      expect(people.stdout).toContain("6 runs without a violation: seeds 40 to 45\n");
      expect(people.stdout.split("\n").filter((line) => line.length > 100)).toEqual([]);
      expect(people.stdout).toMatch(/ a second of a job's (CPU|real) time$/m);
      const report = onlyLine<Report>(program);
      expect(report.profiles).toMatchObject({ calm: { runs: 3 }, crashes: { runs: 3 } });
      expect(report.faultsByKind["crash"]).toBeGreaterThan(0);
      expect(report.failures).toEqual([]);
      for (const value of [
        report.steps,
        report.virtualToReal,
        report.stepsPerSecond,
        report.stepsPerSecondPerJob,
      ]) {
        expect(value).toBeGreaterThan(0);
      }
      expect(report.memory.end).toBeGreaterThan(2 ** 20);
    },
    SLOW,
  );

  test(
    "end at the first failure, with the lowest seed, and its command",
    async () => {
      const flags = [
        "--from",
        "1",
        "--profile",
        "rough",
        "--nodes",
        "1",
        "--with",
        directory.subject("forgetful.mjs"),
      ];
      const failed = await sim(...flags, "--jobs", "2");
      expect(failed.status).toBe(1);
      const [, seed = ""] = /^VIOLATION, seed (\d+) of profile rough/m.exec(failed.stdout) ?? [];
      expect(failed.stdout).toContain(`Replay:  pnpm sim --seed ${seed} --profile rough --nodes 1 --with `);
      // One thread, which does them in order, finds no other.
      const { failures } = onlyLine<Report>(await sim(...flags, "--jobs", "1", "--json"));
      expect(failures).toHaveLength(1);
      expect(failures[0]).toMatchObject({ seed: Number(seed), checker: "one-order", runs: 1 });
    },
    SLOW,
  );

  test(
    "are all done with --keep-going, and failures are counted",
    async () => {
      const flags = ["--runs", "5", "--from", "1", "--profile", "calm", "--nodes", "3", "--keep-going"];
      const { status, stdout } = await sim(...flags, "--with", directory.subject("by-the-clock.mjs"));
      expect(status).toBe(1);
      expect(stdout).toContain("0 runs without a violation, 5 runs with one: seeds 1 to 5");
      expect(stdout).toContain("5 runs of calm [one-order]");
      expect(stdout).toContain("  pnpm sim --seed 1 --profile calm --nodes 3 --with ");
    },
    SLOW,
  );

  test(
    "go on where they were, and refuse the place of others",
    async () => {
      const file = directory.path("place.json");
      const flags = [
        "--profile",
        "calm",
        "--profile",
        "crashes",
        "--nodes",
        "1",
        "--from",
        "100",
        "--runs",
        "8",
      ];
      const uninterrupted = onlyLine<Report>(await sim(...flags, "--json"));
      flags.push("--resume", file);
      const begun = startSim([...flags, "--jobs", "1"]);
      const place = async (): Promise<{ readonly done: number }> =>
        JSON.parse(await readFile(file, "utf8")) as { readonly done: number };
      await begun.saw("Seeds from 100");
      while ((await place()).done < 2) await setTimeout(50);
      begun.process.kill("SIGKILL");
      await begun.ended;
      const left = await place();
      expect(left.done).toBeLessThan(8);
      const resumed = await sim(...flags, "--json");
      expect(resumed.stderr).toContain(`Seeds from 100 on, ${left.done} runs done before;`);
      const { runs, steps, virtualMs, faultsByKind, recovery } = uninterrupted;
      expect(onlyLine<Report>(resumed)).toMatchObject({ runs, steps, virtualMs, faultsByKind, recovery });

      const over = await sim(...flags);
      expect(over.status).toBe(0);
      expect(over.stdout).toContain("8 runs without a violation: seeds 100 to 107");
      const other = await sim(...flags, "--profile", "rough");
      expect(other.status).toBe(2);
      expect(other.stderr).toContain(
        `${file} is of a run with other arguments: profiles was ["calm","crashes"]`,
      );
      expect(other.stderr).toContain("remove the file to start anew");
      expect(await place()).toMatchObject({ done: 8 });
    },
    SLOW,
  );

  test(
    "end with the summary when interrupted, or when time is over, and say how to go on",
    async () => {
      const program = startSim(["--profile", "calm", "--nodes", "1", "--from", "500", "--jobs", "1"]);
      await program.saw("Ctrl-C ends it");
      program.process.kill("SIGINT");
      const { status, stdout } = await program.ended;
      expect(status).toBe(0);
      const done = Number(/^(\d+) runs? without a violation/m.exec(stdout)?.[1]);
      expect(stdout).toContain(`Go on with:  pnpm sim --from ${500 + done} --profile calm --nodes 1`);
      const over = await sim("--minutes", "0.001", "--from", "500");
      expect(over.status).toBe(0);
      expect(over.stdout).toMatch(/^Go on with: {2}pnpm sim --from 5\d\d$/m);
    },
    SLOW,
  );

  test(
    "that never end are found out",
    async () => {
      const flags = ["--from", "1", "--runs", "3", "--jobs", "2", "--patience", "4", "--profile", "calm"];
      const { status, stdout } = await sim(...flags, "--with", directory.subject("endless.mjs"));
      expect(status).toBe(1);
      expect(stdout).toContain("BROKEN RUN, seed 1 of profile calm");
      expect(stdout).toContain("had not ended after 4 s of real time");
      expect(stdout).toContain("Replay:  pnpm sim --seed 1 --profile calm --with ");
    },
    SLOW,
  );

  test(
    "whose code rejects where nobody awaits are found out",
    async () => {
      const flags = ["--from", "1", "--runs", "1", "--profile", "calm", "--nodes", "1"];
      const { status, stdout } = await sim(...flags, "--with", directory.subject("stray.mjs"));
      expect(status).toBe(1);
      expect(stdout).toContain("BROKEN RUN, seed 1 of profile calm");
      expect(stdout).toContain("nobody awaits this");
    },
    SLOW,
  );
});

test(
  "the README's module is simulated",
  async () => {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const [, code = ""] = /```js\n(.*?)```/s.exec(readme) ?? [];
    const file = directory.path("counter.mjs");
    await writeFile(file, code);
    const { status, stdout } = await sim("--seed", "3", "--profile", "rough", "--nodes", "3", "--with", file);
    expect(stdout).toContain("Seed 3 of profile rough: no violation");
    expect(status).toBe(0);
  },
  SLOW,
);

describe("known seeds", () => {
  test(
    "are all run",
    async () => {
      const file = directory.path("known.txt");
      await writeFile(
        file,
        "# once failed\ncalm 9 nodes=1 # a\n\nrough 4 nodes=1 faults=0,1 faults-until-ms=9000\n",
      );
      const report = onlyLine<Report>(await sim("--known", file, "--json"));
      expect(report).toMatchObject({ runs: 2, profiles: { calm: { runs: 1 }, rough: { runs: 1 } } });
      expect(report.faults).toBeLessThanOrEqual(2);
    },
    SLOW,
  );

  test("are none in an empty file, which is said", async () => {
    const file = directory.path("known-none.txt");
    await writeFile(file, "# nothing failed yet\n");
    const { status, stderr } = await sim("--known", file);
    expect(status).toBe(0);
    expect(stderr).toContain(`${file} has no runs; a line is: profile seed`);
  });

  test.each([
    ["lukewarm 3", "known-bad.txt:2: bad profile"],
    ["calm three", 'known-bad.txt:2: bad seed "three"'],
    ["calm 3 nodes=99", 'known-bad.txt:2: bad nodes "99"'],
    ["calm 3 because of it", 'known-bad.txt:2: "because" is no setting'],
  ])("%s is refused", async (line, expected) => {
    const file = directory.path("known-bad.txt");
    await writeFile(file, `# once failed\n${line}\n`);
    const { status, stderr } = await sim("--known", file);
    expect(status).toBe(2);
    expect(stderr).toContain(expected);
  });
});

describe("the command line", () => {
  test(
    "any number of nodes goes with all the profiles that can have it",
    async () => {
      const { runs, profiles } = onlyLine<Report>(
        await sim("--runs", "25", "--from", "0", "--nodes", "1", "--json"),
      );
      expect(runs).toBe(25);
      expect(profiles).toHaveProperty("calm");
      expect(profiles).not.toHaveProperty("quorum-loss");
    },
    SLOW,
  );

  const bad: [args: string[], expected: string][] = [
    [["--bad"], "Unknown argument: bad"],
    [["rough"], "Unknown argument: rough"],
    [["--seed", "x"], 'bad --seed "x": give a whole number from 0 on'],
    [["--seed", "-1"], "bad --seed"],
    [["--seed", "9007199254740992"], 'bad --seed "9007199254740992"'],
    [["--seed", "1", "--seed", "2"], "give --seed once"],
    [["--seed"], "Not enough arguments following: seed"],
    [["--seed", "1", "--runs", "3"], "--runs does not go with --seed: leave it out"],
    [["--seed", "1", "--nodes", "10"], 'bad --nodes "10": give a whole number from 1 to 9'],
    [["--seed", "1", "--faults", "1,a"], 'bad --faults "1,a": give fault numbers such as 3,17,20'],
    [["--seed", "1", "--max-runs", "4"], "--max-runs needs --shrink"],
    [["--max-runs", "5"], "--max-runs needs --seed N and --shrink"],
    [["--known", "--profile", "calm"], "--profile does not go with --known: leave it out"],
    [["--seed", "1", "--trace", "--json"], "--trace does not go with --json"],
    [["--seed", "1", "--profile", "calm", "--profile", "rough"], "one run has one profile"],
    [["--trace"], "--trace needs --seed N"],
    [["--shrink"], "--shrink needs --seed N"],
    [["--profile", "lukewarm"], 'bad --profile "lukewarm": give one of calm, rough,'],
    [["--jobs", "0"], 'bad --jobs "0": give a whole number from 1 to 256'],
    [["--minutes", "0"], 'bad --minutes "0": give minutes from above 0'],
    [["--known", "--runs", "3"], "--runs does not go with --known: leave it out"],
    [["--known", "/nowhere/known.txt"], "cannot read the file of known seeds"],
    [["--runs", "1", "--resume", "/nowhere/place.json"], "cannot write /nowhere/place.json"],
    [["--seed", "1", "--with", "/nowhere/subject.js"], "cannot load /nowhere/subject.js"],
  ];

  test.each(bad)("%j is refused in one line", async (args, expected) => {
    const { status, stdout, stderr } = await sim(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(expected);
    expect(stderr).toMatch(/^pnpm sim: .*\n$/);
  });

  test.each([
    ["empty.mjs", "exports none of stateMachine, newWorkload, startReplica"],
    ["misspelt.mjs", "exports newWorkLoad, statemachine: leave out all but stateMachine, newWorkload,"],
    ["no-function.mjs", "its stateMachine is no function, but of type object"],
  ] as const)("the module %s is refused", async (name, expected) => {
    for (const many of [
      ["--runs", "1"],
      ["--seed", "1"],
    ]) {
      const { status, stdout, stderr } = await sim(...many, "--with", directory.subject(name));
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(expected);
    }
  });

  test.each([
    [["--seed", "1", "--profile", "quorum-loss", "--nodes", "1"], "profile quorum-loss: nodes is 1;"],
    [
      ["--seed", "1", "--profile", "quorum-loss", "--nodes", "1", "--shrink"],
      "profile quorum-loss: nodes is 1;",
    ],
    [
      ["--runs", "2", "--minutes", "9", "--profile", "quorum-loss", "--nodes", "1"],
      "profile quorum-loss: nodes is 1;",
    ],
    [["--seed", "1", "--profile", "calm", "--faults", "7"], "profile calm: fault 7 is not in the plan"],
  ])("%j is no run that there can be", async (args, expected) => {
    const { status, stdout, stderr } = await sim(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^pnpm sim: seed \d+ of profile .*\n$/m);
    expect(stderr).toContain(expected);
  });

  test("an error of the program itself is neither a violation nor bad input", async () => {
    const { status, stdout, stderr } = await sim("--runs", "1", "--with", directory.subject("late.mjs"));
    expect({ status, stdout }).toEqual({ status: 70, stdout: "" });
    expect(stderr).toMatch(/^pnpm sim: ended by an error that is neither .*: Error: too late$/m);
  });

  test("a file that is no place is refused", async () => {
    const misled = await sim("--runs", "1", "--resume", directory.subject("empty.mjs"));
    expect(misled.status).toBe(2);
    expect(misled.stderr).toContain("is no file that --resume has written");
    expect(await readFile(directory.subject("empty.mjs"), "utf8")).toContain("export");
  });

  test("help names all flags and profiles", async () => {
    const { status, stdout } = await sim("--help");
    expect(status).toBe(0);
    for (const word of [
      "--seed",
      "--known",
      "--resume",
      "--shrink",
      "hostile",
      "chained-nodes",
      "Exit status",
    ]) {
      expect(stdout).toContain(word);
    }
  });
});
