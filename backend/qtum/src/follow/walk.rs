//! The pure core of the follower: where we stand in a chain that may change under our feet.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::digest::BlockHash;

/// A block, named so that a reorganisation can not confuse it with another of the same height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
}

/// What the node says about the block above ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its hash.
    pub hash: BlockHash,
    /// The block that it stands on: ours, unless the chain changed between two questions.
    pub previous: BlockHash,
}

/// What follows from two answers of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The best chain does not contain this block any more: undo it. We stand on the one below.
    Disconnect(BlockRef),
    /// The best chain left ours below what we remember: undo everything above this block, on which we
    /// stand now.
    Rewind(BlockRef),
    /// Not even the block that we started from is in the best chain. Nothing that we know holds.
    Lost(BlockRef),
    /// This block is next. It counts once [`Walk::advance`] is called.
    Connect(BlockRef),
    /// We stand on the tip.
    Wait,
    /// The chain changed while we asked: ask again.
    Again,
}

/// A position in the chain and the way that led there.
///
/// Every step is decided by comparing hashes, so that the blocks handed out form one unbroken chain at
/// every moment, whatever the node does between two questions.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Where we started: the block that must never vanish.
    base: BlockRef,
    /// Blocks above the base without gaps, oldest first; the oldest may have been forgotten.
    trail: VecDeque<BlockRef>,
    /// Most blocks remembered.
    memory: usize,
    /// Blocks to hand out once more as soon as we know that we stand in the best chain.
    rescan: u32,
}

impl Walk {
    /// Starts at `base`, having handed out `known` above it in an earlier life, oldest first. What does
    /// not form one chain of heights up to its newest block is ignored. The newest `rescan` of them are
    /// handed out once more.
    pub fn new(
        base: BlockRef,
        known: impl IntoIterator<Item = BlockRef>,
        memory: usize,
        rescan: u32,
    ) -> Self {
        let mut trail: VecDeque<BlockRef> = VecDeque::new();
        for block in known {
            if block.height <= base.height {
                continue;
            }
            if trail
                .back()
                .is_some_and(|last| last.height.checked_add(1) != Some(block.height))
            {
                trail.clear();
            }
            trail.push_back(block);
        }
        let mut walk = Self {
            base,
            trail,
            memory: memory.max(1),
            rescan,
        };
        walk.forget();
        walk
    }

    /// The newest block handed out, or the base.
    pub fn position(&self) -> BlockRef {
        self.trail.back().copied().unwrap_or(self.base)
    }

    /// Decides. `here` is the best chain's block at the height of [`Walk::position`], `next` the one
    /// above it; `None`: the best chain is not that high.
    pub fn decide(&mut self, here: Option<BlockHash>, next: Option<Next>) -> Move {
        let position = self.position();
        if here != Some(position.hash) {
            return self.step_back();
        }
        if 0 < self.rescan {
            let again = usize::try_from(self.rescan)
                .unwrap_or(usize::MAX)
                .min(self.trail.len());
            self.rescan = 0;
            // If the trail does not reach down to the base, one block stays to stand on.
            let floor = usize::from(self.has_forgotten());
            self.trail
                .truncate((self.trail.len() - again).max(floor.min(self.trail.len())));
            return Move::Again;
        }
        match (next, position.height.checked_add(1)) {
            (Some(next), Some(height)) if next.previous == position.hash => {
                Move::Connect(BlockRef {
                    height,
                    hash: next.hash,
                })
            }
            (Some(_), _) => Move::Again,
            (None, _) => Move::Wait,
        }
    }

    /// Steps onto the block of [`Move::Connect`].
    pub fn advance(&mut self, block: BlockRef) {
        self.trail.push_back(block);
        self.forget();
    }

    fn step_back(&mut self) -> Move {
        let forgotten = self.has_forgotten();
        match self.trail.pop_back() {
            None => Move::Lost(self.base),
            Some(_) if forgotten && self.trail.is_empty() => Move::Rewind(self.base),
            Some(undone) => Move::Disconnect(undone),
        }
    }

    /// Whether there are blocks between the base and the trail that we handed out and forgot.
    fn has_forgotten(&self) -> bool {
        self.trail
            .front()
            .is_some_and(|oldest| self.base.height.saturating_add(1) < oldest.height)
    }

    fn forget(&mut self) {
        while self.memory < self.trail.len() {
            self.trail.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
