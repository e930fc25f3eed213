import type { DemoName } from "./actions.ts";
import type { Address } from "./state.ts";

/** The demo accounts: their keys are in the README of the original demo, so everybody has them. */
export const DEMO: Readonly<Record<DemoName, { readonly name: string; readonly address: Address; readonly wif: string }>> = {
  alice: { name: "Alice", address: "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf", wif: "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ" },
  bob: { name: "Bob", address: "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW", wif: "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk" },
};

/** What to call the owner of an address. */
export function nameOf(address: Address): string {
  const demo = Object.values(DEMO).find((account) => account.address === address);
  return demo?.name ?? `${address.slice(0, 6)}…${address.slice(-6)}`;
}
