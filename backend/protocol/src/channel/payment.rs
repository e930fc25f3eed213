//! Paying: what the sender proposes is what the recipient accepts, by the same rules (PROTOCOL §4).

use alloc::vec::Vec;
use core::ops::Range;

use super::{Channel, MAX_UNACKED, Standing};
use crate::{
    ack::Ack,
    amount::Amount,
    balance_proof::{BalanceProof, MAX_NONCE, SignedProof},
    facts::Phase,
    lock::{self, Lock, MAX_LOCKS},
    policy::Tip,
    rejected::{Nack, Refused, Rejected},
    side::Side,
    signature::Signature,
    update::{Operation, RemoveReason, Update},
};

/// How many ids a proof can give.
const IDS_PER_PROOF: u64 = 64;

/// Who reads the rules. A lock that expired on its way may still be added, and an expired one is
/// offered for removal later than its removal is accepted, so that two views of the tip that differ
/// do not meet as a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Sender,
    Recipient,
}

impl Channel {
    /// What `sender` would sign next for these operations. Sending is: propose, sign, accept the
    /// own update, persist, and only then let it leave.
    pub fn propose(
        &self,
        sender: Side,
        operations: &[Operation],
        tip: &Tip,
    ) -> Result<BalanceProof, Refused> {
        self.check_certain()?;
        self.check_open(sender, tip)?;
        let (proof, locks) = self.next(sender, operations, tip, Role::Sender)?;
        let signed = proof.signed(Signature::ABSENT);
        let room = self.streets[sender].with(Standing { signed, locks });
        room.ok_or(Rejected::TooManyUnacked { most: MAX_UNACKED })?;
        Ok(proof)
    }

    /// Accepts an update, from whichever participant signed it: its own sender calls this too.
    ///
    /// Cheap rules first; exactly one signature is verified, at the end. `AlreadyHeld` is no
    /// failure: the same bytes came twice.
    pub fn accept(&self, update: &Update, tip: &Tip) -> Result<Self, Rejected> {
        let proof = update.proof.proof;
        if proof.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: proof.channel_id,
            });
        }
        let account = update.proof.signature.signer_account();
        let sender = self
            .side_of(&account)
            .ok_or(Rejected::NotParticipant { account })?;
        self.check_nonce(sender, update)?;
        self.check_open(sender, tip)?;
        let (expected, locks) = self.next(sender, &update.operations, tip, Role::Recipient)?;
        if proof.transferred < self.streets[sender].transferred() {
            let last = self.streets[sender].transferred();
            return Err(Rejected::TransferredFell {
                last,
                got: proof.transferred,
            });
        }
        if proof != expected {
            let (expected, got) = (expected.transferred, proof.transferred);
            return Err(Rejected::OperationsMismatch { expected, got });
        }
        let street = self.streets[sender]
            .with(Standing {
                signed: update.proof,
                locks,
            })
            .ok_or(Rejected::TooManyUnacked { most: MAX_UNACKED })?;
        update.proof.verify(&self.domain, &account)?;
        Ok(self.with_street(sender, street))
    }

    /// Accepts an ack of a standing proof: it becomes agreed and all older ones are revoked.
    pub fn accept_ack(&self, ack: &Ack) -> Result<Self, Rejected> {
        if ack.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: ack.channel_id,
            });
        }
        let street = &self.streets[ack.sender];
        if street
            .ack
            .is_some_and(|held| held.nonce == ack.nonce && held.proof_hash == ack.proof_hash)
        {
            return Err(Rejected::AlreadyHeld { nonce: ack.nonce });
        }
        if ack.nonce <= street.acked_nonce() {
            return Err(Rejected::StaleNonce {
                newest: street.acked_nonce(),
                got: ack.nonce,
            });
        }
        let known = |one: &Standing| {
            let proof = &one.signed.proof;
            proof.nonce == ack.nonce && proof.struct_hash() == ack.proof_hash
        };
        let Some(position) = street.standing.iter().position(known) else {
            let oldest = street
                .standing
                .first()
                .map_or(0, |one| one.signed.proof.nonce);
            let newest = street.nonce();
            return Err(Rejected::UnknownProof {
                oldest,
                newest,
                got: ack.nonce,
            });
        };
        ack.verify(&self.domain, &self.account(ack.sender.other()))?;
        let mut next = self.with_street(ack.sender, street.acked_at(position, *ack));
        // A partner that held anything newer would not have taken a proof that was signed since.
        next.hearsay = self
            .hearsay
            .filter(|hearsay| hearsay.side != ack.sender || ack.nonce <= hearsay.nonce);
        Ok(next)
    }

    /// The same channel with only those proofs of `sender` that still say something: the acked one,
    /// the newest, and in between what a later one does not cover. For whoever keeps all of them
    /// elsewhere and can [`recall`](Self::recall) what an ack asks for.
    #[must_use]
    pub fn forget_covered(mut self, sender: Side) -> Self {
        self.streets[sender].forget_covered();
        self
    }

    /// Takes a forgotten proof back into its place, so that an ack of it can be accepted. Its
    /// signature is verified again.
    pub fn recall(&self, sender: Side, signed: &SignedProof) -> Result<Self, Rejected> {
        let street = &self.streets[sender];
        let unknown = || Rejected::UnknownProof {
            oldest: street
                .standing
                .first()
                .map_or(0, |one| one.signed.proof.nonce),
            newest: street.nonce(),
            got: signed.proof.nonce,
        };
        if signed.proof.channel_id != self.id() {
            return Err(Rejected::WrongChannel {
                expected: self.id(),
                got: signed.proof.channel_id,
            });
        }
        let street = street.with_recalled(*signed).ok_or_else(unknown)?;
        signed.verify(&self.domain, &self.account(sender))?;
        Ok(self.with_street(sender, street))
    }

    /// The id of the first lock that `sender`'s next proof adds; further ones count on from it.
    pub fn next_lock_id(&self, sender: Side) -> u64 {
        ids_of(self.streets[sender].nonce().saturating_add(1)).start
    }

    /// The answer to an update that was not accepted.
    pub fn nack(&self, sender: Side, update: &Update, why: &Rejected) -> Nack {
        let refused = update.proof.proof.nonce;
        Nack::new(
            self.id(),
            sender,
            refused,
            self.streets[sender].nonce(),
            why,
        )
    }

    pub(super) fn with_street(&self, sender: Side, street: super::Street) -> Self {
        let other = self.streets[sender.other()].clone();
        let streets = match sender {
            Side::A => [street, other],
            Side::B => [other, street],
        };
        let (domain, facts) = (self.domain, self.facts.clone());
        Self {
            domain,
            facts,
            streets,
            authorisations: self.authorisations.clone(),
            doubt: self.doubt,
            hearsay: self.hearsay,
        }
    }

    /// Whoever does not know which nonces it has used signs nothing.
    pub(super) fn check_certain(&self) -> Result<(), Rejected> {
        match self.doubt {
            Some(super::Doubt {
                conflict: Some(nonce),
                ..
            }) => Err(Rejected::Conflict { nonce }),
            Some(doubt) => Err(Rejected::InDoubt {
                partner: doubt.partner,
            }),
            None => Ok(()),
        }
    }

    fn check_nonce(&self, sender: Side, update: &Update) -> Result<(), Rejected> {
        let street = &self.streets[sender];
        let (newest, got) = (street.nonce(), update.proof.proof.nonce);
        if street.standing.iter().any(|one| one.signed == update.proof) {
            return Err(Rejected::AlreadyHeld { nonce: got });
        }
        if got <= newest {
            return Err(Rejected::StaleNonce { newest, got });
        }
        if newest + 1 < got {
            return Err(Rejected::NonceGap { newest, got });
        }
        Ok(())
    }

    pub(super) fn check_open(&self, sender: Side, tip: &Tip) -> Result<(), Rejected> {
        if self.facts.phase(tip.height) != Phase::Open {
            let closed = self.facts.closed.map(|closed| closed.height);
            let settled = self.facts.settled.map(|settled| settled.height);
            let height = closed.or(settled).unwrap_or(tip.height);
            return Err(Rejected::ChannelClosing { height });
        }
        match self.frozen_until(sender, tip) {
            Some(until) => Err(Rejected::ChannelFrozen { until }),
            None => Ok(()),
        }
    }

    /// The proof and the locks that the operations lead to, if the sender can pay for them.
    fn next(
        &self,
        sender: Side,
        operations: &[Operation],
        tip: &Tip,
        role: Role,
    ) -> Result<(BalanceProof, Vec<Lock>), Rejected> {
        let street = &self.streets[sender];
        if operations.is_empty() {
            return Err(Rejected::NoOperations);
        }
        if MAX_NONCE <= street.nonce() {
            return Err(Rejected::TooLarge);
        }
        let mut ledger = Ledger {
            transferred: street.transferred(),
            locks: street.locks().to_vec(),
            nonce: street.nonce() + 1,
        };
        for operation in operations {
            ledger.apply(operation, tip, self.facts.params.window, role)?;
        }
        let Ledger {
            transferred, locks, ..
        } = ledger;
        if MAX_LOCKS < locks.len() {
            return Err(Rejected::TooManyLocks {
                most: MAX_LOCKS,
                got: locks.len(),
            });
        }

        let promised = street.promised();
        let promising = Amount(transferred.0.saturating_add(lock::total(&locks).0));
        // What promises nothing new is always possible, even when the limit fell since.
        if promised < promising {
            let available = self.headroom(sender, tip);
            let needed = promising.saturating_minus(promised);
            if available < needed {
                return Err(Rejected::InsufficientBalance { needed, available });
            }
        }
        let proof = BalanceProof {
            channel_id: self.id(),
            nonce: street.nonce() + 1,
            transferred,
            locks_root: lock::root(&locks),
        };
        Ok((proof, locks))
    }
}

/// A direction while operations are applied to it.
struct Ledger {
    transferred: Amount,
    locks: Vec<Lock>,
    nonce: u64,
}

impl Ledger {
    fn apply(
        &mut self,
        operation: &Operation,
        tip: &Tip,
        window: u32,
        role: Role,
    ) -> Result<(), Rejected> {
        match operation {
            Operation::Transfer { amount } => self.transfer(*amount),
            Operation::LockAdd { lock, .. } => self.add(lock, tip, window, role),
            Operation::LockSettle { id, preimage } => {
                let at = self.position(*id)?;
                if preimage.payment_hash() != self.locks[at].payment_hash {
                    return Err(Rejected::WrongPreimage { id: *id });
                }
                let lock = self.locks.remove(at);
                self.transfer(lock.amount)
            }
            Operation::LockRemove { id, reason } => {
                let at = self.position(*id)?;
                if *reason == RemoveReason::Expired {
                    check_expired(&self.locks[at], tip, role)?;
                }
                self.locks.remove(at);
                Ok(())
            }
        }
    }

    fn transfer(&mut self, amount: Amount) -> Result<(), Rejected> {
        if amount.is_zero() {
            return Err(Rejected::NothingSent);
        }
        self.transferred = self.transferred.plus(amount).ok_or(Rejected::TooLarge)?;
        Ok(())
    }

    fn add(&mut self, lock: &Lock, tip: &Tip, window: u32, role: Role) -> Result<(), Rejected> {
        if lock.amount.is_zero() {
            return Err(Rejected::NothingSent);
        }
        let ids = ids_of(self.nonce);
        let listed = self.locks.last().map_or(0, |last| last.id);
        let last = listed.max(ids.start - 1);
        if lock.id <= last {
            let got = lock.id;
            return Err(Rejected::LockIdUsed { last, got });
        }
        if ids.end <= lock.id || Amount::MAX < lock.amount {
            return Err(Rejected::TooLarge);
        }
        let (height, latest) = (tip.height, tip.height.saturating_add(window));
        // A proof that was signed in time and came late must not stop those that follow it: a lock
        // that expired on the way costs its recipient nothing.
        let expired = role == Role::Sender && lock.expiry <= height;
        if expired || latest < lock.expiry {
            return Err(Rejected::LockExpiryOutOfRange {
                height,
                latest,
                expiry: lock.expiry,
            });
        }
        self.locks.push(*lock);
        Ok(())
    }

    fn position(&self, id: u64) -> Result<usize, Rejected> {
        let position = self.locks.iter().position(|lock| lock.id == id);
        position.ok_or(Rejected::UnknownLock { id })
    }
}

/// The ids that the proof with this nonce may give to the locks that it adds. A nonce is used once,
/// so an id is too, without anybody remembering which were.
fn ids_of(nonce: u64) -> Range<u64> {
    let first = nonce.saturating_mul(IDS_PER_PROOF);
    first..first.saturating_add(IDS_PER_PROOF)
}

fn check_expired(lock: &Lock, tip: &Tip, role: Role) -> Result<(), Rejected> {
    let depth = match role {
        Role::Sender => tip.confirmations.saturating_mul(2),
        Role::Recipient => tip.confirmations,
    };
    let earliest = lock.expiry.saturating_add(depth);
    if tip.height < earliest {
        return Err(Rejected::LockNotExpired {
            id: lock.id,
            earliest,
            height: tip.height,
        });
    }
    Ok(())
}
