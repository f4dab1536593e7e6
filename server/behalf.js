// The command in a checkout. Plain JavaScript, so that nothing of Node that strips types is loaded before the cache of what
// it has stripped: without it each start takes twice as long, and the stripper's 20 MB stay for good.
import * as modules from "node:module";
import { fileURLToPath } from "node:url";

// Absent from the old Node that cli.ts would turn away.
if ("enableCompileCache" in modules) {
  modules.enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/behalf", import.meta.url)));
}
await import("./src/cli.ts");
