//! One direction: the sender's proofs that may still be posted, and the newest ack.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{ack::Ack, amount::Amount, balance_proof::SignedProof, hash::Hash, lock::Lock};

/// How many proofs of a direction may wait for an ack. When there are more that cannot be forgotten,
/// the sender must wait for one.
pub const MAX_UNACKED: usize = 128;

/// From how many on plain payments are forgotten: of those only the newest matters.
pub const REMEMBERED: usize = 32;

/// What one participant has promised the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Street {
    /// The proofs that no ack has revoked, oldest first. The first is the acked one, if any.
    pub(super) standing: Vec<Standing>,
    /// The newest ack; of the first standing proof.
    pub(super) ack: Option<Ack>,
    /// The most that proofs promised which lost against others with the same nonce. They were signed,
    /// so they can be shown on chain for ever: until more was sent, they count.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub(super) forgone: Amount,
}

fn is_nothing(amount: &Amount) -> bool {
    amount.is_zero()
}

/// A proof and the locks that it commits to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The proof with its sender's signature.
    pub signed: SignedProof,
    /// Its open locks, in order of id.
    #[serde(default)]
    pub locks: Vec<Lock>,
}

impl Standing {
    /// What it can cost its sender if all `counted` locks are opened.
    fn owed(&self, counted: impl Fn(&Lock) -> bool) -> Amount {
        let locks: Amount = self
            .locks
            .iter()
            .filter(|lock| counted(lock))
            .map(|lock| lock.amount)
            .sum();
        Amount(self.signed.proof.transferred.0.saturating_add(locks.0))
    }

    /// Whether this one can be forgotten for `later`: it costs its sender no more, whatever expires
    /// when, and if it is posted all the same, the list to settle it with is not lost.
    fn is_covered_by(&self, later: &Self) -> bool {
        let [mine, its] = [self, later].map(|one| &one.signed.proof);
        let listed = self.locks.is_empty() || mine.locks_root == its.locks_root;
        listed && mine.transferred <= its.transferred
    }
}

impl Street {
    /// The newest proof that its sender signed.
    pub fn newest(&self) -> Option<&Standing> {
        self.standing.last()
    }

    /// The newest proof that both signed, with the recipient's ack.
    pub fn acked(&self) -> Option<(&Standing, &Ack)> {
        self.standing.first().zip(self.ack.as_ref())
    }

    /// The proofs that no ack has revoked, oldest first.
    pub fn standing(&self) -> &[Standing] {
        &self.standing
    }

    /// The newest proof's nonce; 0 for none.
    pub fn nonce(&self) -> u64 {
        self.newest().map_or(0, |newest| newest.signed.proof.nonce)
    }

    /// The newest acked nonce; 0 for none.
    pub fn acked_nonce(&self) -> u64 {
        self.ack.map_or(0, |ack| ack.nonce)
    }

    /// All that was ever sent.
    pub fn transferred(&self) -> Amount {
        self.newest()
            .map_or(Amount::ZERO, |newest| newest.signed.proof.transferred)
    }

    /// The locks that are open.
    pub fn locks(&self) -> &[Lock] {
        self.newest().map_or(&[], |newest| &newest.locks)
    }

    /// The locks that a root commits to, if a standing proof has them.
    pub fn locks_of(&self, root: &Hash) -> Option<&[Lock]> {
        if *root == Hash::ZERO {
            return Some(&[]);
        }
        let mut standing = self.standing.iter().rev();
        standing
            .find(|one| one.signed.proof.locks_root == *root)
            .map(|one| &*one.locks)
    }

    /// What the sender could owe at most: the largest, over the proofs that no ack has revoked, of
    /// transferred plus locks (PROTOCOL §4.2).
    ///
    /// In older proofs only locks that can still be opened count. In the newest all count until
    /// they are settled or removed: an expired one may have been opened in time.
    pub fn worst(&self, height: u32) -> Amount {
        let Some((newest, older)) = self.standing.split_last() else {
            return self.forgone;
        };
        let older = older
            .iter()
            .map(|one| one.owed(|lock| height < lock.expiry));
        older
            .fold(newest.owed(|_| true), Amount::max)
            .max(self.forgone)
    }

    /// What the newest proof promises: transferred plus all its locks.
    pub fn promised(&self) -> Amount {
        self.newest()
            .map_or(Amount::ZERO, |newest| newest.owed(|_| true))
    }

    /// The most that own proofs promised which were given up after a contradiction; zero for none.
    pub fn forgone(&self) -> Amount {
        self.forgone
    }

    /// Whether a lock that a removal took out of the newest proof can still be claimed with an
    /// older one: then it counts as open (PROTOCOL §4.4).
    pub fn is_claimable(&self, id: u64, height: u32) -> bool {
        self.standing
            .iter()
            .flat_map(|one| &one.locks)
            .any(|lock| lock.id == id && height < lock.expiry)
    }

    /// With one more proof. `None` when too many must be remembered.
    pub(super) fn with(&self, next: Standing) -> Option<Self> {
        let mut street = self.clone();
        street.grow(next).then_some(street)
    }

    /// Adds one more proof, which is signed already and can not be refused for want of room. Says
    /// whether there was room.
    pub(super) fn grow(&mut self, next: Standing) -> bool {
        self.standing.push(next);
        if self.standing.len() <= REMEMBERED {
            return true;
        }
        let first = usize::from(self.ack.is_some());
        let forgotten = (first..self.standing.len() - 1)
            .find(|at| self.standing[*at].is_covered_by(&self.standing[at + 1]));
        if let Some(at) = forgotten {
            self.standing.remove(at);
        }
        forgotten.is_some() || self.standing.len() <= MAX_UNACKED
    }

    /// Forgets every proof that a later one covers, except the acked one. What is forgotten can be
    /// recalled by whoever kept it elsewhere.
    pub(super) fn forget_covered(&mut self) {
        let first = usize::from(self.ack.is_some());
        // Backwards: a proof that a forgotten one covers is covered by what covers that.
        for at in (first..self.standing.len().saturating_sub(1)).rev() {
            if self.standing[at].is_covered_by(&self.standing[at + 1]) {
                self.standing.remove(at);
            }
        }
    }

    /// With a proof that was forgotten, in its place among those that stand. The locks that it
    /// commits to are those of a standing proof, or it could not have been forgotten.
    pub(super) fn with_recalled(&self, signed: SignedProof) -> Option<Self> {
        let nonce = signed.proof.nonce;
        let at = self
            .standing
            .partition_point(|one| one.signed.proof.nonce < nonce);
        let later = self.standing.get(at)?;
        let locks = self.locks_of(&signed.proof.locks_root)?.to_vec();
        let recalled = Standing { signed, locks };
        let new = nonce < later.signed.proof.nonce && self.acked_nonce() < nonce;
        if !new || !recalled.is_covered_by(later) {
            return None;
        }
        let mut street = self.clone();
        street.standing.insert(at, recalled);
        Some(street)
    }

    /// With an ack of the standing proof at `position`, which revokes all before it.
    pub(super) fn acked_at(&self, position: usize, ack: Ack) -> Self {
        let standing = self.standing[position..].to_vec();
        Self {
            standing,
            ack: Some(ack),
            forgone: self.forgone,
        }
    }
}
