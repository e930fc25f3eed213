// Writes artifacts/*.json, what the rest of the product knows of the contracts; with --check, proves
// that the sources compile to exactly what is committed there.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const CONTRACTS = ["DuplexChannel", "TestToken"];

const here = new URL("..", import.meta.url).pathname;
const check = process.argv.includes("--check");

// A folder of its own, because the tests compile some of the sources with other settings.
const out = `${here}cache/shipped`;
const folders = ["--out", out, "--cache-path", `${out}-cache`];
execFileSync("npx", ["--no-install", "forge", "build", "--offline", "--skip", "test", ...folders], {
  cwd: here,
  stdio: ["ignore", "ignore", "inherit"],
});

/** One artifact as text: the interface and the code, nothing that differs between machines. */
function artifact(name) {
  const built = JSON.parse(readFileSync(`${out}/${name}.sol/${name}.json`, "utf8"));
  const settings = built.metadata;
  const content = {
    contractName: name,
    solc: settings.compiler.version,
    evmVersion: settings.settings.evmVersion,
    abi: built.abi,
    bytecode: built.bytecode.object.slice(2),
    deployedBytecode: built.deployedBytecode.object.slice(2),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

let stale = 0;
mkdirSync(`${here}artifacts`, { recursive: true });
for (const name of CONTRACTS) {
  const path = `${here}artifacts/${name}.json`;
  const text = artifact(name);
  const same = existsSync(path) && readFileSync(path, "utf8") === text;
  if (check && !same) {
    console.error(`artifacts/${name}.json is not what src/ compiles to: run "npm run artifacts" and commit it`);
    stale += 1;
  }
  if (!check && !same) writeFileSync(path, text);
  const size = JSON.parse(text).deployedBytecode.length / 2;
  console.log(`${name}: ${size} bytes of code${same ? "" : check ? ", STALE" : ", written"}`);
}
process.exitCode = stale;
