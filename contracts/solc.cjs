#!/usr/bin/env node
// A solc program for forge, made of the npm package of the same name: forge asks for the version
// once and otherwise sends standard JSON through standard input.
const solc = require("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  const input = require("node:fs").readFileSync(0, "utf8");
  process.stdout.write(solc.compile(input));
}
