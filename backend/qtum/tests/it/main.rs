//! What a real qtumd 27.1 on regtest said and accepted, replayed.

mod transactions;
