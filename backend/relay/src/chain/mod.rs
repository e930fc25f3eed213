//! The chain as participants need it: a window for wallets, and the follower that turns blocks into
//! facts and events.

pub(crate) mod follow;
pub(crate) mod mirror;
pub(crate) mod transactions;
pub(crate) mod window;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    window::routes().and(transactions::routes())
}
