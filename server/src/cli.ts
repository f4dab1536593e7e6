#!/usr/bin/env node
// The command `behalf`: looks at the Node it runs on before anything that needs a newer one is read.
const needed = 24;
const { node } = process.versions;

if (Number(node.split(".")[0]) < needed) {
  process.stderr.write(
    `Behalf needs Node ${needed} or newer, and this is Node ${node}. In a checkout run it through npm (npm start, npm run behalf): npm install brings the right Node.\n`,
  );
  process.exitCode = 1;
} else {
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
}
