// Compiles the explorer's wasm part, assembly/explorer, to build/explorer.wasm.

import asc from "assemblyscript/asc";
import { ROOT } from "./project.mjs";

const config = ["--config", "assembly/explorer/asconfig.json", "--baseDir", ROOT];
const { error, stderr } = await asc.main(config);
process.stderr.write(stderr.toString());
if (error) process.exit(1);
