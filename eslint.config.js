// Lint of both languages. assembly/ is AssemblyScript: it parses with allowInvalidAST, has no type
// information here (asc checks its types), and is formatted by the rules below. Everything else is
// TypeScript, formatted by prettier. Left out: what asc and tsc check,
// layers (.dependency-cruiser.cjs), and what only a program can say (test/tidy.test.ts).

import stylistic from "@stylistic/eslint-plugin";
import tseslint from "typescript-eslint";

const MODULE_LEVEL_LET =
  "Program > VariableDeclaration[kind='let'], " +
  "Program > ExportNamedDeclaration > VariableDeclaration[kind='let']";

// lib.dom is there for WebAssembly; these of its globals are typing errors that would compile.
const BROWSER_GLOBALS = (
  "close closed document event external find focus frames history length location menubar name " +
  "open opener origin parent print screen scroll self status stop top window"
)
  .split(" ")
  .map((name) => ({ name, message: "This is a browser's global; node has none." }));

const restrict = (object, message, properties = [undefined]) =>
  properties.map((property) => ({ object, ...(property && { property }), message }));

export default tseslint.config(
  {
    ignores: [
      "build/",
      "dist/",
      "coverage/",
      "docs/api/",
      "node_modules/",
      "assembly/globals.d.ts",
      "src/layout/structs.gen.ts",
      // AssemblyScript of users: compiled by the tests.
      "docs/examples/explore/",
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  ...kernel(),
  ...host(),
  ...scripts(),
);

/** AssemblyScript: names as Linux has them, no managed object, no state of its own. */
function kernel() {
  return [
    {
      files: ["assembly/**/*.ts"],
      plugins: { "@typescript-eslint": tseslint.plugin, "@stylistic": stylistic },
      languageOptions: {
        parser: tseslint.parser,
        parserOptions: { allowInvalidAST: true },
      },
      rules: {
        "@typescript-eslint/naming-convention": [
          "error",
          {
            selector: ["function", "variable", "parameter", "classProperty", "classMethod"],
            format: ["snake_case", "UPPER_CASE"],
            leadingUnderscore: "allowSingleOrDouble",
            trailingUnderscore: "allow",
            // Linux's names for the bits of page->flags and their tests: PG_locked, SetPageLocked.
            filter: { regex: "^(PG_[a-z_]+|(Test)?(Set|Clear)?Page[A-Z]\\w+)$", match: false },
          },
          { selector: "typeLike", format: ["PascalCase"] },
        ],
        "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
        "prefer-const": "error",
        "no-var": "error",
        "no-restricted-syntax": [
          "error",
          {
            selector: MODULE_LEVEL_LET,
            message: "A wasm global is private to one CPU. Put shared state in memory.",
          },
          { selector: "ThrowStatement", message: "Return -errno, or bug_on()." },
          { selector: "NewExpression", message: "No managed objects in the kernel: use slab." },
          { selector: "TryStatement", message: "There are no exceptions in the kernel." },
          {
            selector:
              "CallExpression[callee.name=/^spin_(lock|unlock|trylock|lock_nested)$/]:has(> CallExpression[callee.name=/^(mm_ptl|inode_i_mmap_lock)$/], > Identifier[name='anon_vma'])",
            message: "These classes may have a lock of their own: lock/spinlock_classes.ts.",
          },
          {
            selector: "Decorator[expression.callee.name='external']",
            message: "Questions to the engine are asked in arch/.",
          },
        ],
        "no-restricted-properties": [
          "error",
          ...restrict("atomic", "Use arch/atomic.ts."),
          ...restrict("memory", "Use arch/memory.ts."),
        ],
        ...kernelFormat(),
      },
    },
    {
      files: ["assembly/arch/**/*.ts", "assembly/lab/arch/**/*.ts"],
      rules: {
        "no-restricted-properties": "off",
        "no-restricted-syntax": [
          "error",
          {
            selector: MODULE_LEVEL_LET,
            message: "A wasm global is private to one CPU. Put per-CPU state in percpu.ts.",
          },
          { selector: "ThrowStatement", message: "Return -errno, or bug_on()." },
          { selector: "NewExpression", message: "No managed objects in the kernel: use slab." },
        ],
      },
    },
    {
      // The explorer says whose turn it is in a global.
      files: ["assembly/lab/arch/percpu.ts"],
      rules: { "no-restricted-syntax": "off" },
    },
    {
      // One instance serves all CPUs: its globals are the explorer's own.
      files: ["assembly/explorer/**/*.ts"],
      rules: {
        "no-restricted-syntax": [
          "error",
          { selector: "NewExpression", message: "No managed objects: there is no heap." },
        ],
      },
    },
  ];
}

/** What prettier would do, which cannot read AssemblyScript. All of it but max-len is done by --fix. */
function kernelFormat() {
  const rules = {
    "array-bracket-spacing": "never",
    "arrow-parens": "always",
    "arrow-spacing": true,
    "block-spacing": "always",
    "brace-style": ["1tbs", { allowSingleLine: true }],
    "comma-dangle": "always-multiline",
    "comma-spacing": true,
    "comma-style": "last",
    "dot-location": "property",
    "eol-last": "always",
    "function-call-spacing": "never",
    indent: [2, { SwitchCase: 1, ignoredNodes: ["VariableDeclaration[declare=true]"] }],
    "key-spacing": true,
    "keyword-spacing": true,
    "max-len": [{ code: 100, comments: 120, ignoreUrls: true }],
    "new-parens": true,
    "no-extra-semi": true,
    "no-floating-decimal": true,
    "no-multi-spaces": [{ ignoreEOLComments: true }],
    "no-multiple-empty-lines": [{ max: 1, maxBOF: 0, maxEOF: 0 }],
    "no-tabs": true,
    "no-trailing-spaces": true,
    "no-whitespace-before-property": true,
    "object-curly-spacing": "always",
    "padded-blocks": "never",
    quotes: ["double", { avoidEscape: true }],
    "rest-spread-spacing": true,
    semi: "always",
    "semi-spacing": true,
    "space-before-blocks": true,
    "space-before-function-paren": [{ anonymous: "always", named: "never" }],
    "space-in-parens": "never",
    "space-infix-ops": true,
    "space-unary-ops": true,
    "spaced-comment": ["always", { markers: ["/"] }],
    "switch-colon-spacing": true,
    "type-annotation-spacing": true,
    "type-generic-spacing": true,
  };
  const entries = Object.entries(rules).map(([name, options]) => {
    const rest = options === true ? [] : [options].flat();
    return [`@stylistic/${name}`, ["error", ...rest]];
  });
  return Object.fromEntries(entries);
}

/** TypeScript: strict, and in the machine's own code nothing that would make two runs differ. */
function host() {
  return [
    {
      files: ["src/**/*.ts", "test/**/*.ts", "bench/**/*.ts", "docs/**/*.ts", "vitest.config.ts"],
      extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
      languageOptions: { parserOptions: { projectService: true } },
      rules: {
        "@typescript-eslint/naming-convention": [
          "error",
          // Fields and constants of the kernel keep the kernel's names.
          {
            selector: ["variable", "parameter"],
            modifiers: ["destructured"],
            format: null,
          },
          { selector: "variable", format: ["camelCase", "UPPER_CASE", "PascalCase"] },
          { selector: "function", format: ["camelCase"] },
          {
            selector: "parameter",
            format: ["camelCase", "PascalCase"],
            leadingUnderscore: "allow",
          },
          { selector: "typeLike", format: ["PascalCase"] },
        ],
        // An index that was checked is still "maybe undefined" to noUncheckedIndexedAccess.
        "@typescript-eslint/no-non-null-assertion": "off",
        "@typescript-eslint/non-nullable-type-assertion-style": "off",
        "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
        "@typescript-eslint/switch-exhaustiveness-check": "error",
        "@typescript-eslint/prefer-for-of": "off",
        curly: ["error", "multi-line", "consistent"],
        eqeqeq: "error",
        "no-restricted-globals": ["error", ...BROWSER_GLOBALS],
        "no-var": "error",
        "prefer-const": "error",
      },
    },
    {
      files: ["src/**/*.ts"],
      rules: { "@typescript-eslint/explicit-module-boundary-types": "error" },
    },
    {
      files: ["src/mm/**/*.ts", "src/syscall/**/*.ts"],
      rules: {
        "no-restricted-globals": [
          "error",
          ...BROWSER_GLOBALS,
          { name: "Date", message: "Nothing outside decides: the explorer runs host code again." },
          { name: "performance", message: "Nothing outside decides: ask the engine for time." },
        ],
        "no-restricted-properties": [
          "error",
          ...restrict("Math", "Nothing outside decides: take a seed from the caller.", ["random"]),
        ],
        "no-restricted-syntax": [
          "error",
          {
            selector: MODULE_LEVEL_LET,
            message: "All state of a machine is in its memory or in an object that it owns.",
          },
        ],
      },
    },
  ];
}

/** The build scripts and this file: plain JavaScript. */
function scripts() {
  return [
    {
      files: ["**/*.mjs", "**/*.js", "**/*.cjs"],
      rules: {
        curly: ["error", "multi-line", "consistent"],
        eqeqeq: "error",
        "no-undef": "off",
        "no-unused-vars": ["error", { ignoreRestSiblings: true }],
        "no-var": "error",
        "prefer-const": "error",
      },
    },
  ];
}
