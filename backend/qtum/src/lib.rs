//! Qtum: addresses, scripts, transactions and contract calls (pure), RPC and block follower (feature `rpc`).
