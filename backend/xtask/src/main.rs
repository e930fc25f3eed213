//! Build steps that cargo alone does not know.

fn main() {}
