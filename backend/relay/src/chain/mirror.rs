//! The chain as another relay follows it: what that one has written becomes this one's view.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use super::follow::{refold, tell_tip};
use crate::{app::App, error::Result};

/// What of the database's chain this relay's channels and tip reflect.
#[derive(Default)]
pub(crate) struct Mirror {
    /// None while this relay follows the chain itself, or has not looked yet.
    seen: Mutex<Option<Seen>>,
}

struct Seen {
    /// The count of changes when it was read.
    changes: i64,
    blocks: BTreeMap<u32, [u8; 32]>,
}

impl Mirror {
    /// Looks at the chain in the database before all channels are read: they are at least as new, and
    /// need not be read a second time.
    pub(crate) async fn look(&self, app: &App) -> Result<()> {
        let mut seen = self.seen.lock().await;
        let changes = changes(app).await?;
        let blocks = app.store.blocks().await?.into_iter().collect();
        *seen = Some(Seen { changes, blocks });
        take_tip(app).await
    }

    /// Takes over all that the database has: this relay follows the chain itself from here on.
    pub(super) async fn take_over(&self, app: &App) -> Result<()> {
        let mut seen = self.seen.lock().await;
        let changes = changes(app).await?;
        let before = seen.take();
        if before.is_none_or(|before| before.changes != changes) {
            refold(app, app.book.ids()).await?;
        }
        take_tip(app).await
    }

    /// Takes over what the database says of the chain, and says whether that was something new.
    pub(crate) async fn catch_up(&self, app: &App) -> Result<bool> {
        let mut seen = self.seen.lock().await;
        if app.fleet.chain.fence().is_some() {
            return Ok(false);
        }
        // The count first: what is written while we read is read again.
        let changes = changes(app).await?;
        if seen.as_ref().is_some_and(|seen| seen.changes == changes) {
            return Ok(false);
        }
        let blocks: BTreeMap<u32, [u8; 32]> = app.store.blocks().await?.into_iter().collect();
        // Until all of it is taken over, nothing is: who fails half-way begins anew.
        let before = seen.take();
        let touched = match before.as_ref() {
            Some(seen) if is_continued(&seen.blocks, &blocks) => {
                let mut touched = BTreeSet::new();
                for (height, hash) in &blocks {
                    if !seen.blocks.contains_key(height) {
                        touched.extend(app.store.channels_in_block(*hash).await?);
                    }
                }
                touched
            }
            // Something was taken back, or we were away: what is in memory may rest on it.
            _ => app.book.ids(),
        };
        refold(app, touched).await?;
        take_tip(app).await?;
        *seen = Some(Seen { changes, blocks });
        Ok(true)
    }
}

/// How often the chain in the database has changed.
async fn changes(app: &App) -> Result<i64> {
    let leases = app.store.leases().await?;
    let chain = leases.iter().find(|row| row.name == app.fleet.chain.name);
    Ok(chain.map_or(0, |row| row.changes))
}

async fn take_tip(app: &App) -> Result<()> {
    if let Some(last) = app.store.last_block().await? {
        let moved = app
            .tip
            .send_if_modified(|tip| std::mem::replace(tip, last) != last);
        if moved {
            tell_tip(app);
        }
    }
    Ok(())
}

/// Whether `now` has all that `before` has, as far as it is remembered.
fn is_continued(before: &BTreeMap<u32, [u8; 32]>, now: &BTreeMap<u32, [u8; 32]>) -> bool {
    let Some(oldest) = now.keys().next() else {
        return before.is_empty();
    };
    before
        .range(oldest..)
        .all(|(height, hash)| now.get(height) == Some(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(blocks: &[(u32, u8)]) -> BTreeMap<u32, [u8; 32]> {
        blocks
            .iter()
            .map(|(height, name)| (*height, [*name; 32]))
            .collect()
    }

    #[test]
    fn forgetting_the_oldest_is_no_reorganisation() {
        let before = chain(&[(1, 1), (2, 2)]);
        assert!(is_continued(&before, &chain(&[(1, 1), (2, 2), (3, 3)])));
        assert!(is_continued(&before, &chain(&[(2, 2), (3, 3)])));
        assert!(!is_continued(&before, &chain(&[(1, 1)])), "shorter");
        assert!(!is_continued(&before, &chain(&[(1, 1), (2, 9)])), "another");
        assert!(!is_continued(&before, &chain(&[])), "gone");
    }
}
