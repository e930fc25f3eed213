// The browser core under load: `node browser.mjs …/sparky_wasm.js` prints operations per second.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const script = process.argv[2];
const core = await import(pathToFileURL(script).href);
core.initSync({ module: await readFile(script.replace(/\.js$/, "_bg.wasm")) });

const SECONDS = 1.5;

/** How often `work` runs in a second. */
function perSecond(work) {
  for (let i = 0; i < 20; i++) work();
  const begin = performance.now();
  let times = 0;
  while (performance.now() - begin < SECONDS * 1_000) {
    work();
    times += 1;
  }
  return (times * 1_000) / (performance.now() - begin);
}

const [alice, bob] = [1, 2].map((byte) => core.Key.fromBytes(new Uint8Array(32).fill(byte)));
const [a, b] = [alice, bob].map((key) => JSON.parse(key.identity("regtest")).accountHex);
const zero = `0x${"00".repeat(20)}`;
const opened = {
  domain: { chainId: 8890, contract: zero },
  facts: {
    channelId: `0x${"11".repeat(32)}`,
    params: { number: 1, accountA: a, accountB: b, token: zero, window: 50, penaltyBps: 10_000 },
    openedAt: 1,
    deposits: [{ to: "A", amount: "1000000", height: 1 }],
    withdrawn: ["0", "0"],
    sequence: 0,
    closed: null,
    posted: Array(2).fill({ nonce: 0, transferred: "0", locksRoot: `0x${"00".repeat(32)}`, floor: "0" }),
    settled: null,
  },
  streets: Array(2).fill({ standing: [], ack: null }),
  authorisations: [],
};
const channel = JSON.stringify(opened);
const operations = JSON.stringify([{ type: "transfer", amount: "1" }]);
const tip = JSON.stringify({ height: 100, confirmations: 1, reserve: { bps: 0, minimum: "0" } });
const update = JSON.stringify(JSON.parse(alice.send(channel, operations, tip)).update);

// The same payment with a nonce far ahead: refused before anybody looks at its signature.
const ahead = JSON.parse(update);
ahead.proof.proof.nonce = 7;
const refused = JSON.stringify(ahead);
function refuse() {
  if (JSON.parse(core.receive(channel, refused, tip)).type !== "refused") {
    throw new Error("a payment out of turn was taken");
  }
}

const now = Math.floor(Date.now() / 1_000);
const page = "http://127.0.0.1";
const login = JSON.stringify({ account: a, relay: page, origin: page, nonce: `0x${"22".repeat(32)}`, issuedAt: now, expiresAt: now + 300 });
const here = JSON.stringify({ relay: page, origin: page, now });

console.log(
  JSON.stringify({
    sign: perSecond(() => alice.signLogin(login, here)),
    send: perSecond(() => alice.send(channel, operations, tip)),
    receive: perSecond(() => core.receive(channel, update, tip)),
    refuse: perSecond(refuse),
  }),
);
