// Data flows one way, and an import may only point left:
//
//   layout -> kernel -> lab -> mm -> syscall -> notifier -> machine -> workload -> experiment -> report -> cli
//
// src/engine/contract says in types what an engine is, and machine knows no more of it. An engine,
// src/engine/threads, knows the contract and everything up to machine, whose CPUs its workers run;
// src/engine/explore chooses the order of a machine's steps, and is used by experiments.
// The engine is given to the machine by its caller; src/index.ts, the public border, may see all.
// assembly/ is compiled to wasm: nothing in src/ imports it, and it imports nothing outside itself.

const CHAIN = [
  "layout",
  "kernel",
  "lab",
  "mm",
  "syscall",
  "notifier",
  "machine",
  "workload",
  "experiment",
  "report",
  "cli",
];
const CONTRACT = "^src/engine/contract";
const THREADS = "^src/engine/threads/";
const EXPLORER = "^src/engine/explore/";
const TYPES = ["type-only"];
/** Files of the lab that stand in for the kernel's import the neighbours of those (src/lab/sources.ts). */
const STANDS_IN = "^assembly/lab/lock/";

/** What stands left of a layer, and the layer itself. */
const upTo = (layer) => `^src/(${CHAIN.slice(0, CHAIN.indexOf(layer) + 1).join("|")})/`;

const layerRules = CHAIN.map((layer) => ({
  name: `layer-${layer}`,
  comment: `src/${layer} may import itself and what stands left of it`,
  severity: "error",
  from: { path: `^src/${layer}/` },
  to: {
    path: "^src/",
    pathNot: [
      upTo(layer),
      CONTRACT,
      ...(layer === "cli" ? ["^src/index.ts$", THREADS, "^src/scenario/"] : []),
      ...(layer === "experiment" ? [EXPLORER, "^src/scenario/"] : []),
    ],
  },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: "scenario-layer",
      comment: "a scenario uses the machine, as a workload does; it knows no engine",
      severity: "error",
      from: { path: "^src/scenario/" },
      to: { path: "^src/", pathNot: [upTo("machine"), "^src/scenario/"] },
    },
    {
      name: "explorer-layers",
      comment: "the explorer runs the CPUs of a machine for scenarios; it does not know workloads",
      severity: "error",
      from: { path: EXPLORER },
      to: { path: "^src/", pathNot: [upTo("machine"), CONTRACT, EXPLORER, "^src/scenario/"] },
    },
    {
      name: "contract-is-types",
      comment: "src/engine/contract holds types: import it with `import type`",
      severity: "error",
      from: {},
      to: { path: CONTRACT, dependencyTypesNot: TYPES },
    },
    {
      name: "contract-knows-no-engine",
      comment: "the contract may name types of the machine, and knows nobody who uses one",
      severity: "error",
      from: { path: CONTRACT },
      to: { path: "^src/", pathNot: [upTo("machine"), CONTRACT] },
    },
    {
      name: "engine-layers",
      comment: "an engine runs the CPUs of a machine; it does not know workloads",
      severity: "error",
      from: { path: THREADS },
      to: { path: "^src/", pathNot: [upTo("machine"), CONTRACT, THREADS] },
    },
    {
      name: "engine-is-given",
      comment: "src/index.ts and the command line choose an engine; everybody else is given one",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/index.ts$", "^src/cli/", "^src/engine/"] },
      to: { path: THREADS },
    },
    {
      name: "kernel-stands-alone",
      comment: "assembly/ imports nothing outside itself",
      severity: "error",
      from: { path: "^assembly/", pathNot: STANDS_IN },
      to: { pathNot: "^assembly/|^racier/subject$" },
    },
    {
      name: "host-loads-wasm",
      comment:
        "the host loads the compiled kernel; it cannot import its source, nor tests or tools",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(build/|layout/transform\\.mjs)" },
      to: { path: "^(assembly|test|bench|src/build)/|^src/layout/transform\\.mjs" },
    },
    {
      name: "no-cycles",
      comment:
        "but for two, which Linux has too: who allocates a page reclaims others, who needs pages; and an interrupt runs what it interrupts",
      severity: "error",
      from: { path: "^(assembly|src)/" },
      to: {
        circular: true,
        viaOnly: { pathNot: "^assembly/(mm/page_alloc|arch/call_function)\\.ts$" },
      },
    },
    {
      name: "no-orphans",
      comment: "a kernel file that nobody imports is not in the kernel",
      severity: "error",
      from: { orphan: true, path: "^assembly/", pathNot: "\\.d\\.ts$|^assembly/lab/" },
      to: {},
    },
    {
      name: "no-dev-dependencies",
      comment: "users do not have the tools; to explore a file they install the compiler",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          "^src/(build/|layout/transform\\.mjs)",
          "^src/engine/explore/(source-program|instrument|expressions)\\.ts$",
          "^src/lab/asc\\.ts$",
        ],
      },
      to: { dependencyTypes: ["npm-dev"] },
    },
    {
      name: "resolvable",
      comment: "racier/subject is the lock that an entry of the lab is compiled with",
      severity: "error",
      from: { path: "^(assembly|src)/", pathNot: STANDS_IN },
      to: { couldNotResolve: true, pathNot: "^racier/subject$" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      extensions: [".ts", ".mjs", ".js"],
      conditionNames: ["import", "default"],
    },
  },
};
