// Who may import whom. Type-only imports count as imports.

/**
 * Layers of packages, lowest first. A package imports only from layers below its own; its tests may import from
 * their own layer too. A name that ends in `*` stands for all packages that begin so.
 */
export const packageLayers = [
  ["packages/proto"],
  ["packages/core"],
  ["packages/transport-kit"],
  [
    "packages/client",
    "packages/hostfile",
    "packages/machine",
    "packages/replica",
    "packages/storage-*",
    "packages/transport-connect",
    "packages/transport-conformance",
    "packages/transport-tcp",
  ],
  ["packages/simulator"],
  ["apps/*", "bench", "demo", "examples/*", "sim"],
];

/**
 * Layers of files in packages/core/src, highest first: each imports only from lines below its own. Phases stand in the
 * order in which the protocol goes through them. A new file is added here.
 */
export const coreLayers = [
  ["index"],
  ["node", "recovery"],
  ["paxos"],
  ["heartbeat", "status"],
  ["command-version", "election", "transfer"],
  ["prepare"],
  ["catch-up"],
  ["snapshots"],
  ["ordering"],
  ["change", "client-update", "delivery", "reads", "storage-health", "stores"],
  ["epochs", "read-rounds"],
  ["lease"],
  ["ignored", "invariants", "view"],
  ["state"],
  ["restore", "sessions"],
  ["lazy-update"],
  ["held-snapshots", "history", "outbox", "read-queue", "session-records", "update-queue"],
  ["config", "peers"],
  ["save-history"],
  ["bulk", "deque", "describe", "random", "timer", "update-table"],
  ["next-epoch", "stop-sign"],
  ["membership", "wire"],
  ["protocol-versions", "read-update"],
  ["ports"],
  ["errors", "logger"],
];

/** What the core may import from outside of this repository. */
const coreExternals = ["node_modules/@bufbuild/protobuf/"];

const severity = /** @type {const} */ ("error");

const tests = "(^|/)test/|[.]test[.]ts$";

/** @param {readonly string[]} names */
const anyOf = (names) => `(${names.map((name) => name.replaceAll("*", "[^/]*")).join("|")})`;
/** @param {readonly string[]} names */
const packagePath = (names) => `^${anyOf(names)}/`;
/** @param {readonly string[]} names */
const corePath = (names) => `^packages/core/src/${anyOf(names)}[.]ts$`;

const betweenPackages = packageLayers.flatMap((layer, level) => {
  const above = packageLayers.slice(level + 1).flat();
  const sideways = {
    name: `layers-of-packages-sideways-${level}`,
    severity,
    comment: `${layer.join(", ")} lie in one layer and must not import each other. Move what both need into a layer below (packageLayers in .dependency-cruiser.mjs), or put them together where programs are composed.`,
    from: { path: `^${anyOf(layer)}/`, pathNot: tests },
    to: { path: packagePath(layer), pathNot: "^$1/" },
  };
  if (above.length === 0) return [sideways];
  const upwards = {
    name: `layers-of-packages-upwards-${level}`,
    severity,
    comment: `${layer.join(", ")} must not import from a layer above: ${above.join(", ")}. Declare a port type in the lower package and implement it in the higher one.`,
    from: { path: packagePath(layer) },
    to: { path: packagePath(above) },
  };
  return [sideways, upwards];
});

const insideCore = coreLayers.map((layer, level) => ({
  name: `layers-of-core-${layer.join("-")}`,
  severity,
  comment: `In packages/core/src, ${layer.join(", ")} may import only from lines below its own in coreLayers (.dependency-cruiser.mjs). Move what both files need into a lower one, or pass it as an argument.`,
  from: { path: corePath(layer) },
  to: { path: corePath(coreLayers.slice(0, level + 1).flat()), pathNot: tests },
}));

/**
 * A rule that refuses files, whoever imports them. 100 is the most that can be asked for.
 *
 * @param {string} name
 * @param {string} comment
 * @param {{ path: string, pathNot: string | string[] }} files
 */
function noFile(name, comment, files) {
  return { name, severity, comment, module: { ...files, numberOfDependentsLessThan: 100 }, from: {} };
}

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycle",
      severity,
      comment:
        "These files import each other in a circle. Move what they share into a file below all of them.",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-unresolved-import",
      severity,
      comment: "This import leads nowhere. Is its package declared in package.json, and installed?",
      from: {},
      // The programs start what the build puts into dist.
      to: { couldNotResolve: true, pathNot: "/dist/main[.]js$" },
    },
    {
      name: "packages-by-name",
      severity,
      comment: "Import another package by its name, as its users do, not by a path into its folders.",
      from: { path: "^(packages/[^/]+|apps/[^/]+|examples/[^/]+|bench|demo|sim)/" },
      to: { path: "^(packages|apps|bench|demo|examples|sim)/", pathNot: "^$1/", dependencyTypes: ["local"] },
    },
    {
      name: "no-tests-in-sources",
      severity,
      comment: "Sources must not import from tests: tests are not published.",
      from: { path: "^(packages/[^/]+|apps/[^/]+|examples/[^/]+|bench|demo|sim)/src/", pathNot: tests },
      to: { path: `^(packages|apps|bench|demo|examples|sim)/.*(${tests})` },
    },
    {
      name: "core-stands-alone",
      severity,
      comment:
        "The core imports @paxos/proto and @bufbuild/protobuf only, no node: module either. What it needs from the world is a port (packages/core/src/ports.ts).",
      from: { path: "^packages/core/src/", pathNot: tests },
      to: { pathNot: ["^packages/", ...coreExternals] },
    },
    {
      name: "proto-stands-alone",
      severity,
      comment: "The messages import @bufbuild/protobuf only.",
      from: { path: "^packages/proto/src/", pathNot: tests },
      to: { pathNot: ["^packages/", "node_modules/@bufbuild/protobuf/"] },
    },
    noFile(
      "name-by-subject",
      "Name this file by what it is about: anything fits into utils, helpers, common, types and misc.",
      { path: "(^|/)(utils?|helpers?|common|types|misc)([.]|/)", pathNot: "node_modules" },
    ),
    noFile(
      "layers-of-core-unknown-file",
      "This file of packages/core/src is in no layer: add its name to coreLayers at the top of .dependency-cruiser.mjs.",
      { path: "^packages/core/src/", pathNot: [corePath(coreLayers.flat()), tests] },
    ),
    noFile(
      "layers-of-packages-unknown-package",
      "This package is in no layer: add it to packageLayers at the top of .dependency-cruiser.mjs.",
      { path: "^(packages|apps|bench|demo|examples|sim)/", pathNot: packagePath(packageLayers.flat()) },
    ),
    ...betweenPackages,
    ...insideCore,
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    // Built output; its sources are what is looked at.
    exclude: { path: "^(packages/[^/]+|apps/[^/]+|examples/[^/]+|bench|demo|sim)/dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@paxos/source", "import", "node", "default"],
    },
  },
};
