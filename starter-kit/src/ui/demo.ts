/** The public demo accounts of the dev chain and regtest. Everybody knows their keys. */
export const DEMO_ACCOUNTS = [
  { key: "alice", name: "Alice", address: "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf" },
  { key: "bob", name: "Bob", address: "qUbxboqjBRp96j3La8D1RYkyqx5uQbJPoW" },
] as const;
