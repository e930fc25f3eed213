import { IDBFactory } from "fake-indexeddb";
import { describe, expect, it } from "vitest";
import { satoshi } from "./amount.ts";
import type { Activity } from "./state.ts";
import { type ChannelRecord, type OutboxRecord, destroyStorage, openStorage } from "./storage.ts";

const channel: ChannelRecord = {
  id: "0xc5", number: 5, side: "A", partner: "q", channel: "{}", offers: [], chain: [],
  watch: { armed: false, armedNonce: null, lastCheckedHeight: null, lastAction: null },
};
const message: OutboxRecord = { key: "0xc5/A/000000000001", type: "proof.submit", channelId: "0xc5", data: "{}" };
const line: Activity = {
  id: "0xc5/A/1", at: 1, kind: "sent", channelId: "0xc5", channelNumber: 5, partner: null, amount: satoshi(20),
  note: "", nonce: 1, txid: null, status: "stored", tookMs: null,
};

describe("storage", () => {
  it("gives back after a reload what was committed", async () => {
    const factory = new IDBFactory();
    const first = await openStorage("alice", factory);
    await first.commit({ channels: [channel], outbox: [message], activity: [line], meta: { cursor: 7 } });
    first.close();

    const second = await openStorage("alice", factory);
    const { channels, outbox, activity, meta } = await second.load();
    expect(channels).toEqual([channel]);
    expect(outbox).toEqual([message]);
    expect(activity).toEqual([line]);
    expect(meta.cursor).toBe(7);
  });

  it("writes all of a change or nothing", async () => {
    const storage = await openStorage("alice", new IDBFactory());
    // A function can not be stored: the second record fails, so the first must not stay.
    const unstorable = { ...message, data: () => 0 } as unknown as OutboxRecord;
    await expect(storage.commit({ channels: [channel], outbox: [unstorable] })).rejects.toMatchObject({ code: "storage-unavailable" });
    expect((await storage.load()).channels).toEqual([]);
  });

  it("keeps profiles apart", async () => {
    const factory = new IDBFactory();
    const [alice, bob] = [await openStorage("alice", factory), await openStorage("bob", factory)];
    await alice.commit({ channels: [channel] });
    expect((await bob.load()).channels).toEqual([]);
  });

  it("forgets the data and keeps the settings", async () => {
    const storage = await openStorage("alice", new IDBFactory());
    const settings = { autoAcceptClose: true, idleLockMinutes: 5, theme: "dark", relayBackup: true } as const;
    await storage.commit({ channels: [channel], outbox: [message], meta: { cursor: 7, settings } });
    await storage.commit({ forgetData: true });
    const { channels, outbox, meta } = await storage.load();
    expect([channels, outbox, meta.cursor]).toEqual([[], [], 0]);
    expect(meta.settings).toEqual(settings);
  });

  it("removes a profile even while another page has it open", async () => {
    const factory = new IDBFactory();
    const storage = await openStorage("alice", factory);
    await storage.commit({ channels: [channel] });
    await destroyStorage("alice", factory);
    await expect(storage.commit({ channels: [channel] })).rejects.toMatchObject({ code: "storage-unavailable" });
    expect((await (await openStorage("alice", factory)).load()).channels).toEqual([]);
  });

  it("says when there is no storage", async () => {
    await expect(openStorage("alice", undefined)).rejects.toMatchObject({ code: "storage-unavailable" });
  });
});
