/**
 * The product under test, with its own port and its own data: one `sparky dev`; or, where `QTUMD_URL` names
 * a regtest node with a wallet that may mine, a relay on that node.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const BINARY = resolve(process.env["SPARKY_BIN"] ?? join(import.meta.dirname, "../../../target/debug/sparky"));
const START_MS = 90_000;
const STOP_MS = 15_000;
const LONGEST_LOG = 20_000;
const MINE_MS = 200;
/** A node that is not ours, if one is named. */
export const QTUMD_URL = process.env["QTUMD_URL"] || null;

const sparky = promisify(execFile);

export class Server {
  readonly url: string;
  #process: ChildProcess | null = null;
  #log = "";

  readonly #port: number;
  readonly #rpcPort: number;
  readonly #data: string;
  #miner: NodeJS.Timeout | null = null;

  private constructor(port: number, rpcPort: number, data: string) {
    this.#port = port;
    this.#rpcPort = rpcPort;
    this.#data = data;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** A server that is ready, on a chain of its own. */
  static async start(): Promise<Server> {
    const data = await mkdtemp(join(tmpdir(), "sparky-e2e-"));
    const server = new Server(await freePort(), await freePort(), data);
    if (QTUMD_URL) await server.#settle(QTUMD_URL);
    await server.run();
    return server;
  }

  /** Contract and money on a node that is not ours, and somebody who mines what waits. */
  async #settle(node: string): Promise<void> {
    const on = ["--data", this.#data, "--network", "regtest", "--rpc-url", node];
    await sparky(BINARY, ["migrate", "--database-url", this.#database, ...on]);
    await sparky(BINARY, ["prefund", ...on]);
    const ask = async (...call: string[]) => (await sparky(BINARY, ["devchain", "cli", "--rpc-url", node, ...call])).stdout.trim();
    const address = await ask("getnewaddress");
    let busy = false;
    this.#miner = setInterval(() => {
      if (busy) return;
      busy = true;
      const mine = async () => {
        if ((await ask("getrawmempool")) !== "[]") await ask("generatetoaddress", "1", address);
      };
      mine().catch(() => undefined).finally(() => {
        busy = false;
      });
    }, MINE_MS);
  }

  get #database(): string {
    return `sqlite://${join(this.#data, "relay.sqlite")}?mode=rwc`;
  }

  get #arguments(): string[] {
    const bind = ["--data", this.#data, "--bind", `127.0.0.1:${this.#port}`];
    if (!QTUMD_URL) return ["dev", ...bind, "--rpc-port", String(this.#rpcPort)];
    return ["relay", ...bind, "--network", "regtest", "--qtum-rpc-url", QTUMD_URL, "--database-url", this.#database];
  }

  /** Starts the process on the data that is there, and waits until it is ready. */
  async run(): Promise<void> {
    const child = spawn(BINARY, this.#arguments, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    const keep = (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-LONGEST_LOG);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`sparky ended with ${code} before it was ready:\n${this.#log}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([this.#ready(), failed]);
  }

  async #ready(): Promise<void> {
    const giveUp = Date.now() + START_MS;
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => null);
      if (answer?.ok) return;
      if (Date.now() > giveUp) throw new Error(`not ready after ${START_MS} ms:\n${this.#log}`);
      await new Promise((again) => setTimeout(again, 100));
    }
  }

  /** Ends the process, politely or as a power cut would. */
  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(killer);
  }

  /** Ends the process and removes its data. */
  async stop(): Promise<void> {
    if (this.#miner) clearInterval(this.#miner);
    await this.end();
    await rm(this.#data, { recursive: true, force: true });
  }

  /** The relay's database as it is now. Taken while the server is down: then one file is all of it. */
  copyDatabase(): Promise<Buffer> {
    return readFile(join(this.#data, "relay.sqlite"));
  }

  /** Puts an older copy back, as an operator does after a broken disk. */
  async goBackTo(copy: Buffer): Promise<void> {
    for (const ending of ["-wal", "-shm"]) await rm(join(this.#data, `relay.sqlite${ending}`), { force: true });
    await writeFile(join(this.#data, "relay.sqlite"), copy);
  }

  get log(): string {
    return this.#log;
  }

  /** A verb of the dev API: `mine`, `tower`, `faucet`, `automine`. */
  async dev(verb: string, body: object): Promise<void> {
    const answer = await fetch(`${this.url}/api/v1/dev/${verb}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`dev/${verb}: ${answer.status} ${await answer.text()}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => done(port));
    });
  });
}
