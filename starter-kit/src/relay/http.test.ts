import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Http, createHttp } from "./http.ts";
import { problemFrom } from "./problem.ts";

let server: Server | undefined;
afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

/** A relay that gives one answer and tells what it was asked. */
async function relay(status: number, body: string, headers: Record<string, string> = {}): Promise<{ http: Http; asked: string[] }> {
  const asked: string[] = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return { http: createHttp({ base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }), asked };
}

describe("http", () => {
  it("sends the token once it is signed in", async () => {
    const { http, asked } = await relay(200, `{"height":7}`);
    expect(await http.get("/chain/tip")).toEqual({ height: 7 });
    http.authorize("secret");
    await http.get("/channels");
    expect(asked).toEqual(["GET /api/v1/chain/tip -", "GET /api/v1/channels Bearer secret"]);
  });

  it("signs in when it is asked to, and asks once more", async () => {
    const asked: string[] = [];
    server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization ?? "-"}`);
      response.writeHead(request.headers.authorization === "Bearer fresh" ? 200 : 401).end("{}");
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const http = createHttp({ base: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const stale: boolean[] = [];
    http.onUnauthorized(async (was) => {
      stale.push(was);
      http.authorize("fresh");
    });
    await http.get("/channels");
    http.authorize("old");
    await http.get("/channels");
    await expect(http.post("/auth/sessions", {})).resolves.toEqual({});
    http.authorize("old");
    await expect(http.post("/auth/sessions", {})).rejects.toMatchObject({ code: "session-expired" });
    expect(stale).toEqual([false, true]);
    expect(asked.slice(0, 4).map((one) => one.split(" ").slice(1).join(" "))).toEqual(["-", "Bearer fresh", "Bearer old", "Bearer fresh"]);
  });

  it("turns problem+json into the problem of the same code, with figures in QTUM", async () => {
    const body = { code: "insufficient-channel-balance", title: "No", detail: "No", params: { maxSat: "8000000000", amountSat: "9000000000", partner: "Bob" } };
    const { http } = await relay(409, JSON.stringify(body));
    await expect(http.post("/x", {})).rejects.toMatchObject({
      code: "insufficient-channel-balance",
      detail: "You can send up to 80.00 QTUM to Bob; you tried 90.00 QTUM.",
    });
  });

  it("understands answers of no relay at all", async () => {
    await expect((await relay(502, "<html>")).http.get("/x")).rejects.toMatchObject({ code: "relay-unreachable" });
    server?.close();
    await expect((await relay(429, "", { "retry-after": "3" })).http.get("/x")).rejects.toMatchObject({ code: "rate-limited", params: { s: "3" } });
    server?.close();
    await expect((await relay(401, "")).http.get("/x")).rejects.toMatchObject({ code: "session-expired" });
    await expect(createHttp({ base: "http://127.0.0.1:1" }).get("/x")).rejects.toMatchObject({ code: "relay-unreachable" });
  });
});

describe("problemFrom", () => {
  it("shows the relay's own words when figures are missing or the code is new", () => {
    expect(problemFrom({ code: "not-participant", title: "Not yours", detail: "Look." })).toMatchObject({ title: "Not yours", detail: "Look.", money: "" });
    expect(problemFrom({ code: "brand-new", title: "New", detail: "Look." })).toMatchObject({ code: "brand-new", title: "New", detail: "Look." });
    expect(problemFrom("garbage")).toMatchObject({ code: "internal" });
  });
});
