/** What the page may not do, whoever asks it to: the content security policy in a real browser. */
import { createServer, type Server as Http } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALICE, launch, Person } from "./support/people.ts";
import { Server } from "./support/server.ts";

let server: Server;
let browser: Browser;
let alice: Person;
let elsewhere: Http;
let elsewhereUrl: string;
let visits = 0;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  alice = await Person.demo(browser, server.url, "alice");
  elsewhere = createServer((_, answer) => {
    visits += 1;
    answer.setHeader("access-control-allow-origin", "*");
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><title>elsewhere</title><iframe src="${server.url}/"></iframe>`);
  });
  await new Promise<void>((done) => elsewhere.listen(0, "127.0.0.1", done));
  elsewhereUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  elsewhere?.close();
});

describe("the page", () => {
  it("breaks no rule of its own while it is used", async () => {
    for (const place of ["Channels", "Pay", "Account", "Home"]) await alice.go(place);
    expect(alice.complaints).toEqual([]);
  });

  it("runs no script that did not come with the page", async () => {
    const ran = await alice.page.evaluate(async () => {
      const tried: string[] = [];
      const attempt = (name: string, what: () => unknown) => {
        try {
          what();
        } catch (refused) {
          tried.push(`${name}: ${(refused as Error).name}`);
        }
      };
      attempt("inline script", () => {
        const script = document.createElement("script");
        script.append("window.stolen = 1");
        document.head.append(script);
      });
      attempt("event handler", () => {
        const image = document.createElement("img");
        image.setAttribute("onerror", "window.stolen = 2");
        image.src = "/assets/nothing.png";
        document.body.append(image);
      });
      attempt("markup", () => {
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.stolen = 3'>");
      });
      attempt("frame of a script", () => {
        const frame = document.createElement("iframe");
        frame.setAttribute("src", "javascript:parent.stolen = 5");
        document.body.append(frame);
      });
      await new Promise((done) => setTimeout(done, 500));
      return { stolen: (window as unknown as { stolen?: number }).stolen ?? 0, tried };
    });
    expect(ran.stolen).toBe(0);
    // Markup is refused on the spot; the others come to nothing.
    expect(ran.tried).toContain("markup: TypeError");
  });

  it("talks to nobody but its own origin", async () => {
    const before = visits;
    const sent = await alice.page.evaluate(async (url) => {
      const fetched = await fetch(`${url}/?key=1`).then(() => "sent", () => "refused");
      const image = await new Promise((done) => {
        const pixel = new Image();
        pixel.onload = () => done("sent");
        pixel.onerror = () => done("refused");
        pixel.src = `${url}/pixel.png?key=1`;
      });
      const socket = await new Promise((done) => {
        try {
          const line = new WebSocket(url.replace("http", "ws"));
          line.onopen = () => done("sent");
          line.onerror = () => done("refused");
        } catch {
          done("refused");
        }
      });
      return [fetched, image, socket, navigator.sendBeacon(url, "key") ? "queued" : "refused"];
    }, elsewhereUrl);
    expect(sent.slice(0, 3)).toEqual(["refused", "refused", "refused"]);
    expect(visits).toBe(before);
  });

  it("can not be framed", async () => {
    const page = await alice.context.newPage();
    await page.goto(elsewhereUrl);
    const inside = page.frames().find((frame) => frame !== page.mainFrame());
    await inside?.waitForLoadState();
    expect(await inside?.getByTestId("connection").count()).toBe(0);
    expect(inside?.url()).toMatch(/^chrome-error:/);
    await page.close();
  });

  it("has its core in WebAssembly all the same", async () => {
    expect(await alice.at("my-address").first().textContent()).toBe(ALICE);
  });
});
