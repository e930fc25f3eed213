use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Hash of a block in a made-up chain: which branch made it, how high it is.
fn hash(branch: u32, height: u32) -> BlockHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&branch.to_le_bytes());
    bytes[4..8].copy_from_slice(&height.to_le_bytes());
    BlockHash(bytes)
}

/// The best chain of a node; position = height.
#[derive(Clone, Debug)]
struct Chain {
    blocks: Vec<BlockHash>,
    branches: u32,
}

impl Chain {
    fn new(height: u32) -> Self {
        Self {
            blocks: (0..=height).map(|height| hash(0, height)).collect(),
            branches: 0,
        }
    }

    /// Replaces the newest `undone` blocks by `made` others; the first block stays.
    fn reorganise(&mut self, undone: usize, made: usize) {
        self.branches += 1;
        self.blocks
            .truncate(self.blocks.len().saturating_sub(undone).max(1));
        for _ in 0..made {
            let height = u32::try_from(self.blocks.len()).unwrap();
            self.blocks.push(hash(self.branches, height));
        }
    }

    fn at(&self, height: u32) -> Option<BlockHash> {
        self.blocks.get(usize::try_from(height).unwrap()).copied()
    }

    fn next(&self, height: u32) -> Option<Next> {
        Some(Next {
            hash: self.at(height + 1)?,
            previous: self.at(height)?,
        })
    }

    fn tip(&self) -> BlockRef {
        let height = u32::try_from(self.blocks.len() - 1).unwrap();
        BlockRef {
            height,
            hash: self.blocks[self.blocks.len() - 1],
        }
    }

    fn base(&self) -> BlockRef {
        BlockRef {
            height: 0,
            hash: self.blocks[0],
        }
    }
}

/// Somebody who believes what the walk says. Checks each word against the ones before.
#[derive(Clone, Debug)]
struct Listener {
    base: BlockRef,
    held: Vec<BlockRef>,
}

impl Listener {
    fn top(&self) -> BlockRef {
        self.held.last().copied().unwrap_or(self.base)
    }

    fn hear(&mut self, said: Move) {
        match said {
            Move::Connect(block) => {
                // A block may come again after a start; it replaces itself.
                let known = self
                    .held
                    .iter()
                    .position(|held| held.height == block.height);
                if let Some(at) = known {
                    assert_eq!(
                        self.held[at], block,
                        "a block may be repeated, never replaced in silence"
                    );
                    return;
                }
                assert_eq!(self.top().height + 1, block.height, "no gaps");
                self.held.push(block);
            }
            Move::Disconnect(block) => assert_eq!(self.held.pop(), Some(block)),
            Move::Rewind(to) => self.held.retain(|held| held.height <= to.height),
            Move::Lost(_) | Move::Wait | Move::Again => {}
        }
    }
}

/// Asks the walk until it waits; `disturb` may change the chain between any two questions.
fn follow(
    walk: &mut Walk,
    chain: &mut Chain,
    listener: &mut Listener,
    mut disturb: impl FnMut(&mut Chain),
) {
    for _ in 0..100_000 {
        let here = chain.at(walk.position().height);
        disturb(chain);
        let next = chain.next(walk.position().height);
        let decided = walk.decide(here, next);
        if let Move::Connect(block) = decided {
            walk.advance(block);
        }
        listener.hear(decided);
        match decided {
            Move::Wait => return,
            Move::Lost(base) => panic!("{base:?} never vanishes here"),
            _ => {}
        }
    }
    panic!("the walk does not end");
}

proptest! {
    /// After any reorganisations, with any memory, whoever listened holds exactly the best chain.
    #[test]
    fn listeners_end_with_the_best_chain(
        start in 0_u32..20,
        memory in 1_usize..12,
        reorganisations in vec((0_usize..25, 0_usize..25), 0..12),
    ) {
        let mut chain = Chain::new(start);
        let mut walk = Walk::new(chain.base(), [], memory, 0);
        let mut listener = Listener { base: chain.base(), held: vec![] };
        for (undone, made) in reorganisations {
            follow(&mut walk, &mut chain, &mut listener, |_| {});
            prop_assert_eq!(listener.top(), chain.tip());
            chain.reorganise(undone, made);
        }
        follow(&mut walk, &mut chain, &mut listener, |_| {});
        let held: Vec<_> = listener.held.iter().map(|block| block.hash).collect();
        prop_assert_eq!(&held, &chain.blocks[1..]);
    }

    /// The chain changes between the two questions of one step. No word is ever wrong, and when it
    /// comes to rest the listener holds it.
    #[test]
    fn a_chain_that_changes_between_questions_confuses_nobody(
        memory in 1_usize..8,
        disturbances in vec(prop::option::weighted(0.4, (0_usize..6, 0_usize..6)), 0..60),
    ) {
        let mut chain = Chain::new(10);
        let mut walk = Walk::new(chain.base(), [], memory, 0);
        let mut listener = Listener { base: chain.base(), held: vec![] };
        let mut disturbances = disturbances.into_iter();
        follow(&mut walk, &mut chain, &mut listener, |chain| {
            if let Some(Some((undone, made))) = disturbances.next() {
                chain.reorganise(undone, made);
            }
        });
        follow(&mut walk, &mut chain, &mut listener, |_| {});
        let held: Vec<_> = listener.held.iter().map(|block| block.hash).collect();
        prop_assert_eq!(&held, &chain.blocks[1..]);
    }

    /// A new walk from stored hashes: undoes what vanished while nobody looked, repeats the rest.
    #[test]
    fn a_start_undoes_first_and_then_repeats(
        height in 1_u32..30,
        kept in 0_usize..40,
        rescan in 0_u32..40,
        memory in 1_usize..40,
        undone in 0_usize..30,
        made in 0_usize..30,
    ) {
        let mut chain = Chain::new(height);
        let all: Vec<BlockRef> =
            (1..=height).map(|height| BlockRef { height, hash: chain.at(height).unwrap() }).collect();
        let mut listener = Listener { base: chain.base(), held: all.clone() };
        let known = all[all.len().saturating_sub(kept)..].to_vec();
        // Whoever stored nothing starts from nothing.
        if known.is_empty() {
            listener.held.clear();
        }
        chain.reorganise(undone, made);
        let mut walk = Walk::new(chain.base(), known, memory, rescan);
        follow(&mut walk, &mut chain, &mut listener, |_| {});
        let held: Vec<_> = listener.held.iter().map(|block| block.hash).collect();
        prop_assert_eq!(&held, &chain.blocks[1..]);
    }
}

#[test]
fn a_vanished_base_is_said_aloud() {
    let chain = Chain::new(3);
    let mut walk = Walk::new(
        BlockRef {
            height: 2,
            hash: hash(9, 2),
        },
        [],
        10,
        0,
    );
    assert_eq!(
        walk.decide(chain.at(2), chain.next(2)),
        Move::Lost(BlockRef {
            height: 2,
            hash: hash(9, 2)
        })
    );
}

#[test]
fn a_rescan_repeats_exactly_as_many_blocks() {
    let mut chain = Chain::new(10);
    let known: Vec<_> = (1..=10)
        .map(|height| BlockRef {
            height,
            hash: hash(0, height),
        })
        .collect();
    let mut walk = Walk::new(chain.base(), known, 100, 3);
    assert_eq!(walk.decide(chain.at(10), None), Move::Again);
    assert_eq!(walk.position().height, 7);
    let mut listener = Listener {
        base: chain.base(),
        held: vec![],
    };
    listener.held = (1..=10)
        .map(|height| BlockRef {
            height,
            hash: hash(0, height),
        })
        .collect();
    follow(&mut walk, &mut chain, &mut listener, |_| {});
    assert_eq!(walk.position(), chain.tip());
}
