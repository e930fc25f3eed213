//! Sequences of calls that anybody might send, most of them wrong in some way.
//!
//! A step is a number: all its choices come from it when it is played. So any part of a sequence
//! is a sequence, and a failing one can be shortened.

use std::collections::HashMap;

use sparky_protocol::{
    Account, Amount, BalanceProof, ChannelParams, ContractCall, CooperativeClose,
    CooperativeWithdraw, Facts, Hash, Lock, MAX_NONCE, Net, Preimage, SecretKey, Side, Signature,
    SignedProof, lock,
};

use crate::{
    both::Both,
    contract::{Chain, ack_of},
    dice::Dice,
};

const STRANGER: Account = Account([0x57; 20]);

/// Keys, what they have signed already, and the locks that exist.
pub struct Cast {
    keys: [SecretKey; 2],
    signed: HashMap<(bool, Hash), Signature>,
    locks: [Lock; 4],
    preimages: [Preimage; 4],
}

impl Cast {
    pub fn new() -> Self {
        let keys = [21, 22].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key"));
        let preimages = [1, 2, 3, 4].map(|byte| Preimage([byte; 32]));
        let lock = |at: usize, id, amount, expiry| Lock {
            id,
            amount: Amount(amount),
            expiry,
            payment_hash: preimages[at].payment_hash(),
        };
        // The third opens with the second's preimage; the last never expires and is worth too much.
        let locks = [
            lock(0, 64, 30, 1_012),
            lock(1, 65, 25, 1_024),
            lock(1, 128, 45, 1_060),
            lock(3, u64::MAX, Amount::MAX.0, u32::MAX),
        ];
        Self {
            keys,
            signed: HashMap::new(),
            locks,
            preimages,
        }
    }

    fn sign(&mut self, side: Side, digest: Hash) -> Signature {
        let key = &self.keys[side];
        *self
            .signed
            .entry((side.is_b(), digest))
            .or_insert_with(|| key.sign(&digest))
    }

    fn account(&self, side: Side) -> Account {
        self.keys[side].account()
    }

    fn list(&self, at: usize) -> Vec<Lock> {
        let [one, two, three, huge] = self.locks;
        [
            vec![],
            vec![one],
            vec![one, two],
            vec![two, three],
            vec![huge],
        ][at % 5]
            .clone()
    }
}

/// Plays a sequence; the error is the first difference.
pub fn play(both: &mut Both, cast: &mut Cast, steps: &[u64]) -> Result<(), String> {
    both.reset();
    let mut first = Dice(steps.first().copied().unwrap_or_default());
    let mut stage = Stage { both, cast };
    stage.open(&mut first);
    for step in steps {
        stage.step(&mut Dice(*step));
        stage.both.difference()?;
    }
    stage.end(&mut first);
    stage.both.difference()
}

struct Stage<'a> {
    both: &'a mut Both,
    cast: &'a mut Cast,
}

impl Stage<'_> {
    fn call(&mut self, caller: Account, call: &ContractCall) {
        // Whether it works is compared, not wished for.
        let _ = self.both.call(caller, call);
    }

    /// Opens the channel that everything is about, and sometimes another between the same two.
    fn open(&mut self, dice: &mut Dice) {
        let call = self.opening(dice);
        self.call(self.cast.account(Side::A), &call);
        let (params, amount) = (self.params(0), Amount(dice.amount(150)));
        let deposit = ContractCall::Deposit {
            params,
            to: Side::B,
            amount,
        };
        self.call(self.cast.account(Side::B), &deposit);
    }

    fn opening(&self, dice: &mut Dice) -> ContractCall {
        ContractCall::Open {
            account_b: self.cast.account(Side::B),
            token: Account::ZERO,
            amount: Amount(dice.amount(150)),
            window: [10, 11, 20][dice.below(3)],
            penalty_bps: [0, 5_000, 10_000, u16::MAX][dice.below(4)],
        }
    }

    fn params(&self, at: usize) -> ChannelParams {
        let channels = &self.both.model.channels;
        let all: Vec<_> = channels.values().map(|facts| facts.params).collect();
        all.iter()
            .find(|params| params.number == 1 + at as u64)
            .copied()
            .unwrap_or(all[0])
    }

    /// Mostly the channel, seldom another or one that never was.
    fn some_params(&self, dice: &mut Dice) -> ChannelParams {
        let params = self.params(usize::from(dice.below(24) == 0));
        match dice.below(64) {
            0 => ChannelParams {
                penalty_bps: params.penalty_bps ^ 1,
                ..params
            },
            _ => params,
        }
    }

    fn facts(&self, params: &ChannelParams) -> Option<&Facts> {
        self.both.model.channels.get(&params.id())
    }

    fn step(&mut self, dice: &mut Dice) {
        let params = self.some_params(dice);
        let closed = self
            .facts(&params)
            .is_some_and(|facts| facts.closed.is_some());
        let caller = self.caller(dice);
        let call = match dice.below(if closed { 32 } else { 20 }) {
            0 => self.withdraw_together(params, dice),
            1 => self.close_together(params, dice),
            2..=3 | 23..=25 => return self.mine(dice),
            4 | 26..=27 => ContractCall::RegisterPreimages {
                preimages: self.some_preimages(dice),
            },
            5 if dice.below(4) == 0 => self.opening(dice),
            5 => ContractCall::Withdraw {
                token: Account::ZERO,
                to: caller,
            },
            6..=7 if !closed || dice.below(4) == 0 => ContractCall::Deposit {
                params,
                to: side(dice),
                amount: Amount(dice.amount(90)),
            },
            8..=14 if !closed || dice.below(8) == 0 => self.close_alone(params, dice),
            6..=18 => self.counter_claim(params, dice),
            19..=22 => ContractCall::RaiseFloor {
                params,
                proof: self.some_proof(&params, dice),
            },
            _ => self.settle(params, dice),
        };
        self.both.surplus = u64::from(dice.below(40) == 0);
        let caller = match (&call, dice.below(4)) {
            // Closing is for participants; a stranger tries it seldom.
            (ContractCall::Close { .. } | ContractCall::Recover { .. }, 1..) => {
                self.cast.account(side(dice))
            }
            _ => caller,
        };
        self.call(caller, &call);
    }

    /// At the end everything is paid out, by whoever comes.
    fn end(&mut self, dice: &mut Dice) {
        let params = self.params(0);
        let Some(facts) = self.facts(&params) else {
            return;
        };
        if facts.settled.is_some() {
            return;
        }
        let Some(finalizes_at) = facts.finalizes_at() else {
            return;
        };
        let lost = dice.below(4) == 0;
        let until = finalizes_at + if lost { params.window } else { 0 };
        self.both.mine(until.saturating_sub(self.both.next() + 1));
        for _ in 0..2 {
            let call = self.right_settlement(params, lost);
            self.call(STRANGER, &call);
            self.both.mine(1);
        }
    }

    /// Some blocks, or to an edge of the finalization period.
    fn mine(&mut self, dice: &mut Dice) {
        let params = self.params(0);
        let facts = self.facts(&params);
        let closed = facts
            .and_then(|facts| facts.closed)
            .filter(|_| dice.below(3) != 0);
        let blocks = [1, 2, 3, 5, 9, 10, 11, 20][dice.below(8)];
        let blocks = closed.map_or(blocks, |closed| {
            let half = params.window / 2;
            let edges = [0, 1, 2, half, half + 1, half + 2, params.window + 2];
            let edge = closed.deadline - 1 + edges[dice.below(7)];
            edge.saturating_sub(self.both.next())
        });
        self.both.mine(blocks);
    }

    fn caller(&self, dice: &mut Dice) -> Account {
        match dice.below(3) {
            0 => STRANGER,
            _ => self.cast.account(side(dice)),
        }
    }

    fn some_preimages(&self, dice: &mut Dice) -> Vec<Preimage> {
        (0..dice.below(4))
            .map(|_| self.cast.preimages[dice.below(4)].clone())
            .collect()
    }

    fn valid_until(&self, dice: &mut Dice) -> u32 {
        self.both.next() + 4 - [0, 1, 2, 4, 4, 5][dice.below(6)]
    }

    /// Mostly as it should be, sometimes by the wrong one, sometimes damaged, sometimes absent.
    fn signature(&mut self, side: Side, digest: Hash, dice: &mut Dice) -> Signature {
        let good = self.cast.sign(side, digest);
        match dice.below(24) {
            0 => Signature::ABSENT,
            1 => self.cast.sign(side.other(), digest),
            2 => self.cast.sign(side, Hash::ZERO),
            3 => {
                let mut bytes = good.to_bytes();
                let at = dice.below(128);
                bytes[at] ^= 1 << dice.below(8);
                Signature::from_bytes(&bytes)
            }
            _ => good,
        }
    }

    fn some_proof(&mut self, params: &ChannelParams, dice: &mut Dice) -> SignedProof {
        let nonce = [0, 1, 2, 2, 3, 4, 5, MAX_NONCE][dice.below(8)];
        let transferred = [0, 10, 45, 120, 1_000, Amount::MAX.0][dice.below(6)];
        let locks_root = match dice.below(8) {
            0..=2 => Hash::ZERO,
            3 => Hash([0xee; 32]),
            at => lock::root(&self.cast.list(at)),
        };
        let channel_id = params.id();
        let transferred = Amount(transferred);
        let proof = BalanceProof {
            channel_id,
            nonce,
            transferred,
            locks_root,
        };
        // What was signed for another channel does not count in this one.
        let foreign = BalanceProof {
            channel_id: self.params(1).id(),
            ..proof
        };
        let said = if dice.below(16) == 0 { foreign } else { proof };
        let side = side(dice);
        let digest = said.digest(&self.both.model.domain);
        proof.signed(self.signature(side, digest, dice))
    }

    fn close_alone(&mut self, params: ChannelParams, dice: &mut Dice) -> ContractCall {
        let valid_until = self.valid_until(dice);
        if dice.below(5) == 0 {
            return ContractCall::Recover {
                params,
                valid_until,
            };
        }
        let declared = Amount([0, 0, 10, 45, 60, 500, Amount::MAX.0][dice.below(7)]);
        let incoming = (dice.below(3) != 0).then(|| self.some_proof(&params, dice));
        ContractCall::Close {
            params,
            declared,
            incoming,
            valid_until,
        }
    }

    fn counter_claim(&mut self, params: ChannelParams, dice: &mut Dice) -> ContractCall {
        let proof = self.some_proof(&params, dice);
        let account = proof.signature.signer_account();
        let recipient = if account == params.account_a {
            Side::B
        } else {
            Side::A
        };
        let acked = match dice.below(12) {
            0 => self.some_proof(&params, dice).proof,
            _ => proof.proof,
        };
        let digest = ack_of(&acked, recipient.other()).digest(&self.both.model.domain);
        let ack = (dice.below(3) != 0).then(|| self.signature(recipient, digest, dice));
        ContractCall::CounterClaim { params, proof, ack }
    }

    fn withdraw_together(&mut self, params: ChannelParams, dice: &mut Dice) -> ContractCall {
        let (from, amount) = (side(dice), Amount([0, 1, 20, 100, 400][dice.below(5)]));
        let (sequence, valid_until) = (self.sequence(&params, dice), self.valid_until(dice));
        let channel_id = params.id();
        let withdraw = CooperativeWithdraw {
            channel_id,
            from,
            amount,
            sequence,
            valid_until,
        };
        let digest = withdraw.digest(&self.both.model.domain);
        let [signature_a, signature_b] = self.both_signatures(digest, dice);
        ContractCall::CooperativeWithdraw {
            params,
            from,
            amount,
            valid_until,
            signature_a,
            signature_b,
        }
    }

    fn close_together(&mut self, params: ChannelParams, dice: &mut Dice) -> ContractCall {
        let net_to_a = Net([0, -5, 5, 60, -60, 1 << 94][dice.below(6)]);
        let (sequence, valid_until) = (self.sequence(&params, dice), self.valid_until(dice));
        let close = CooperativeClose {
            channel_id: params.id(),
            net_to_a,
            sequence,
            valid_until,
        };
        let digest = close.digest(&self.both.model.domain);
        let [signature_a, signature_b] = self.both_signatures(digest, dice);
        ContractCall::CooperativeClose {
            params,
            net_to_a,
            valid_until,
            signature_a,
            signature_b,
        }
    }

    fn sequence(&self, params: &ChannelParams, dice: &mut Dice) -> u16 {
        let now = self.facts(params).map_or(0, |facts| facts.sequence);
        if dice.below(12) == 0 { now ^ 1 } else { now }
    }

    fn both_signatures(&mut self, digest: Hash, dice: &mut Dice) -> [Option<Signature>; 2] {
        Side::BOTH.map(|side| (dice.below(5) != 0).then(|| self.signature(side, digest, dice)))
    }

    fn settle(&mut self, params: ChannelParams, dice: &mut Dice) -> ContractCall {
        let right = self.right_settlement(params, false);
        match (dice.below(8), right) {
            (0, _) => self.right_settlement(params, true),
            (
                1,
                ContractCall::Settle {
                    params,
                    locks_ab,
                    locks_ba,
                },
            ) => ContractCall::Settle {
                params,
                locks_ab: locks_ba,
                locks_ba: locks_ab,
            },
            (2, _) => {
                let (locks_ab, locks_ba) = (self.cast.list(dice.below(5)), vec![]);
                ContractCall::Settle {
                    params,
                    locks_ab,
                    locks_ba,
                }
            }
            (
                3,
                ContractCall::Settle {
                    params,
                    mut locks_ab,
                    locks_ba,
                },
            ) => {
                locks_ab.reverse();
                ContractCall::Settle {
                    params,
                    locks_ab,
                    locks_ba,
                }
            }
            (_, right) => right,
        }
    }

    fn right_settlement(&self, params: ChannelParams, empty: bool) -> ContractCall {
        let posted = self
            .facts(&params)
            .map(|facts| facts.posted)
            .unwrap_or_default();
        let list = |side: Side| {
            let mut lists = (0..5).map(|at| self.cast.list(at));
            let found = lists.find(|list| lock::root(list) == posted[side].locks_root);
            found.filter(|_| !empty).unwrap_or_default()
        };
        let (locks_ab, locks_ba) = (list(Side::A), list(Side::B));
        ContractCall::Settle {
            params,
            locks_ab,
            locks_ba,
        }
    }
}

/// The steps of a sequence.
pub fn deal(seed: u64) -> Vec<u64> {
    let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    (0..4 + dice.below(12)).map(|_| dice.next()).collect()
}

/// Drops steps one by one while it still fails.
pub fn shorten(steps: &[u64], mut fails: impl FnMut(&[u64]) -> bool) -> Vec<u64> {
    let mut steps = steps.to_vec();
    // The first one is also the setup.
    for at in (1..steps.len()).rev() {
        let mut fewer = steps.clone();
        fewer.remove(at);
        if fails(&fewer) {
            steps = fewer;
        }
    }
    steps
}

fn side(dice: &mut Dice) -> Side {
    Side::from_flag(dice.below(2) == 1)
}
