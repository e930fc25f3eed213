/** The product under test: one `sparky dev` with its own port and its own data. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const BINARY = resolve(process.env["SPARKY_BIN"] ?? join(import.meta.dirname, "../../../target/debug/sparky"));
const START_MS = 90_000;
const STOP_MS = 15_000;
const LONGEST_LOG = 20_000;

export class Server {
  readonly url: string;
  #process: ChildProcess | null = null;
  #log = "";

  readonly #port: number;
  readonly #rpcPort: number;
  readonly #data: string;

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
    await server.run();
    return server;
  }

  /** Starts the process on the data that is there, and waits until it is ready. */
  async run(): Promise<void> {
    const child = spawn(BINARY, ["dev", "--data", this.#data, "--bind", `127.0.0.1:${this.#port}`, "--rpc-port", String(this.#rpcPort)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
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
    await this.end();
    await rm(this.#data, { recursive: true, force: true });
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
