// Property tests take their examples from one seed, so that a run of the tests is the same each time. With
// RACIER_SEED=random each run looks at others; fast-check prints the seed of what fails, and RACIER_SEED takes that too.

import fc from "fast-check";

const wanted = process.env["RACIER_SEED"] ?? "20040828";

if (wanted !== "random") fc.configureGlobal({ seed: Number(wanted) });
