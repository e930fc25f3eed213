/** The bad network between a page and the test's relay: what it does to the next message of a kind. */
import type { Socket } from "node:net";
import { WebSocket } from "ws";

/**
 * `lost`: never arrives, and the connection ends. `cut`: arrives, and the connection ends before the
 * answer. `halved`: arrives, and the connection ends in the middle of the answer. `doubled`: arrives
 * twice. `late`: arrives after a pause in which everything behind it waits. `silent`: arrives, and is
 * never answered. A number is the status of a refusal in its place (REST only).
 */
export type Fault = "lost" | "cut" | "halved" | "doubled" | "late" | "silent" | 429 | 500;

export const LATE_MS = 100;
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Faults that wait for their message: a frame's type, or `GET /channels` for a request by REST. */
export class BadWire {
  readonly #waiting: { readonly message: string; readonly fault: Fault }[] = [];

  /** Happens to the next message of this kind; several of a kind happen one after the other. */
  next(message: string, ...faults: Fault[]): void {
    this.#waiting.push(...faults.map((fault) => ({ message, fault })));
  }

  take(message: string): Fault | undefined {
    const at = this.#waiting.findIndex((one) => one.message === message);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0]?.fault;
  }

  /** Whether all that was planned has happened. */
  get done(): boolean {
    return this.#waiting.length === 0;
  }
}

/** One page's connection, as the relay holds it: frames leave in order, whatever holds one up. */
export class Line {
  readonly #peer: WebSocket;
  readonly #socket: Socket;
  #turn: Promise<void> = Promise.resolve();

  constructor(peer: WebSocket, socket: Socket) {
    this.#peer = peer;
    this.#socket = socket;
  }

  say(value: object, fault?: Fault): void {
    const text = JSON.stringify(value);
    this.#turn = this.#turn.then(async () => {
      if (fault === "late") await pause(LATE_MS);
      if (this.#peer.readyState !== WebSocket.OPEN || fault === "silent") return;
      if (fault === "lost" || fault === "cut") return this.#peer.terminate();
      if (fault === "halved") return this.#half(text);
      for (let times = fault === "doubled" ? 2 : 1; times > 0; times--) this.#peer.send(text);
    });
  }

  /** A frame that announces all of the text and brings half of it. */
  #half(text: string): void {
    const bytes = Buffer.from(text);
    const head = bytes.length < 126 ? Buffer.from([0x81, bytes.length]) : Buffer.from([0x81, 126, bytes.length >> 8, bytes.length & 255]);
    this.#socket.end(Buffer.concat([head, bytes.subarray(0, bytes.length / 2)]), () => this.#socket.destroy());
  }
}
