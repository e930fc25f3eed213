//! The door: one binary, `sparky`.

fn main() {}
