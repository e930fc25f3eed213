/** The lab: what exists on dev chain and regtest only. */
import { staleCloseCall } from "../core.ts";
import type { LabActions } from "./actions.ts";
import type { Amount } from "./amount.ts";
import { validUntilOf } from "./agreements.ts";
import type { Connection } from "./connection.ts";
import { type Context, bookOf, commit, infoOf, recordOf, tell } from "./context.ts";
import { problem } from "./problem.ts";
import { resync } from "./resync.ts";
import { refreshCoins, spend } from "./spending.ts";
import type { ChannelId, Txid } from "./state.ts";

export function labOf(context: Context, connection: Connection): LabActions {
  const devOnly = (): void => {
    if (!infoOf(context).dev) throw problem("dev-only");
  };
  return {
    mine: async (blocks) => {
      devOnly();
      await context.api.mine(blocks);
    },
    faucet: async (amount) => {
      devOnly();
      const { account } = bookOf(context);
      if (!account) throw problem("not-ready", { reason: "without a key" });
      await context.api.faucet(account.address, String(amount));
      await refreshCoins(context);
    },
    setTower: async (enabled) => {
      devOnly();
      await context.api.setTower(enabled);
      const { network } = context.store.get();
      if (network) tell(context, { type: "network", network: { ...network, tower: enabled } });
    },
    setAutomine: async (enabled) => {
      devOnly();
      await context.api.setAutomine(enabled);
    },
    publishOldState: async (request) => {
      devOnly();
      return publishOldState(context, request);
    },
    forgetData: async () => {
      devOnly();
      const { deployment, account } = bookOf(context);
      // A memory that is lost begins anew.
      const began = account && { ...account, since: infoOf(context).tip.height };
      await context.change(() => commit(context, { forgetData: true, meta: { deployment, account: began } }));
      tell(context, { type: "data-forgotten" });
      await resync(context);
    },
    setOnline: connection.setOnline,
  };
}

/** Closes with an old own state: declares what had been sent by then, hides the rest. */
function publishOldState(context: Context, { channelId, nonce }: { channelId: ChannelId; nonce: number }): Promise<Txid> {
  const { side } = recordOf(context, channelId);
  const shown = context.store.get().channels.find(({ id }) => id === channelId);
  const old = shown?.history.find((state) => state.nonce === nonce);
  if (!old) throw problem("malformed", { reason: `There is no own state #${nonce}` });
  const declared: Amount = old.transferred;
  const make = () => ({ call: staleCloseCall(recordOf(context, channelId).channel, side, declared, validUntilOf(context, channelId)) });
  return spend(context, { purpose: "close", make, channelId, amount: old.mine });
}
