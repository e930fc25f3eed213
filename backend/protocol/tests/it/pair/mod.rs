//! Two honest participants and a neutral relay between them, over a wire that loses, reorders and
//! repeats, with restarts and with memories restored from an old copy.

mod events;
mod invariants;
mod wire;

use std::collections::BTreeMap;

use proptest::prelude::*;
use sparky_protocol::{
    Amount, Authorisation, BalanceProof, Channel, ChannelId, ContractCall, Domain, Facts, Hash,
    Lock, Operation, Preimage, RemoveReason, Reserve, SecretKey, Side, Tip,
};

use self::{
    events::{Event, event},
    wire::Message,
};
use crate::{
    contract::{Chain, Contract},
    participant::Participant,
};

/// The world.
struct Pair {
    contract: Contract,
    id: ChannelId,
    people: [Participant; 2],
    relay: Channel,
    /// Copies of each memory, as a careless backup makes them.
    copies: [Vec<Participant>; 2],
    wire: Vec<(Side, Message)>,
    /// Every proof ever signed, by sender.
    signed: [Vec<(BalanceProof, Vec<Lock>)>; 2],
    /// The newest nonce that the recipient of each direction acked.
    acked: [u64; 2],
    preimages: BTreeMap<Hash, Preimage>,
    confirmations: u32,
}

impl Pair {
    fn new(confirmations: u32) -> Self {
        let domain = Domain {
            chain_id: 8_890,
            contract: sparky_protocol::Account([0xc0; 20]),
        };
        let keys = [1, 2].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key"));
        let mut contract = Contract::new(domain);
        let open = ContractCall::Open {
            account_b: keys[1].account(),
            token: sparky_protocol::Account::ZERO,
            amount: Amount(200),
            window: 50,
            penalty_bps: 10_000,
        };
        contract.call(keys[0].account(), &open).expect("it opens");
        contract.mine(confirmations);
        let facts = contract
            .channels
            .values()
            .next()
            .expect("the channel")
            .clone();
        let channel = Channel::new(domain, facts.clone());
        let [a, b] = keys;
        let people = [
            Participant::new(Side::A, a, channel.clone()),
            Participant::new(Side::B, b, channel.clone()),
        ];
        Self {
            contract,
            id: facts.channel_id,
            copies: people.clone().map(|person| vec![person]),
            people,
            relay: channel,
            wire: Vec::new(),
            signed: [Vec::new(), Vec::new()],
            acked: [0; 2],
            preimages: BTreeMap::new(),
            confirmations,
        }
    }

    fn tip(&self) -> Tip {
        let height = self.contract.next - 1;
        Tip {
            height,
            confirmations: self.confirmations,
            reserve: Reserve::NONE,
        }
    }

    fn facts(&self) -> &Facts {
        &self.contract.channels[&self.id]
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Pay(side, amount) => {
                self.send(
                    side,
                    vec![Operation::Transfer {
                        amount: Amount(amount),
                    }],
                );
            }
            Event::Several(side, one, two) => self.send(
                side,
                [one, two]
                    .map(|amount| Operation::Transfer {
                        amount: Amount(amount),
                    })
                    .into(),
            ),
            Event::LockAdd(side, amount, by) => {
                let lock = self.lock(side, amount, by);
                self.send(
                    side,
                    vec![Operation::LockAdd {
                        lock,
                        onion: vec![1, 2, 3],
                    }],
                );
            }
            Event::LockSettle(side, at) => {
                if let Some(lock) = self.pick_lock(side, at) {
                    let preimage = self.preimages[&lock.payment_hash.0].clone();
                    self.send(
                        side,
                        vec![Operation::LockSettle {
                            id: lock.id,
                            preimage,
                        }],
                    );
                }
            }
            Event::LockRemove(side, at) => self.remove(side, at, RemoveReason::Failed),
            Event::LockExpire(side, at) => self.remove(side, at, RemoveReason::Expired),
            Event::Ack(side) => self.acknowledge(side),
            Event::Deliver(at) => {
                if let Some((to, message)) = self.take(at) {
                    self.deliver(to, message);
                }
            }
            Event::Lose(at) => {
                self.take(at);
            }
            Event::Repeat(at) => {
                if let Some(message) = self.wire.get(at % self.wire.len().max(1)).cloned() {
                    self.wire.push(message);
                }
            }
            Event::Restart(side) => {
                let person = &mut self.people[side];
                let stored = serde_json::to_string(&person.channel).expect("JSON");
                person.channel = serde_json::from_str(&stored).expect("its own JSON");
                self.copies[side].push(self.people[side].clone());
            }
            Event::RestoreOld(side, at) => {
                let copies = &self.copies[side];
                self.people[side] = copies[at % copies.len()].clone();
                // Whoever restores a memory reconnects before anything else.
                self.meet(side);
            }
            Event::Reconnect(side) => self.meet(side),
            Event::Mine(blocks) => {
                self.contract.mine(blocks);
                self.look();
            }
            Event::Deposit(to, amount) => {
                let (params, amount) = (self.facts().params, Amount(amount));
                let call = ContractCall::Deposit { params, to, amount };
                let stranger = sparky_protocol::Account([9; 20]);
                self.contract
                    .call(stranger, &call)
                    .expect("anybody may deposit");
                self.look();
            }
            Event::Withdraw(side, amount) => self.withdraw(side, Amount(amount)),
        }
        self.check();
    }

    fn lock(&mut self, side: Side, amount: u128, by: u32) -> Lock {
        let id = self.people[side].channel.next_lock_id(side);
        let mut bytes = [side as u8; 32];
        bytes[..8].copy_from_slice(&id.to_be_bytes());
        let preimage = Preimage(bytes);
        let payment_hash = preimage.payment_hash();
        self.preimages.insert(payment_hash.0, preimage);
        Lock {
            id,
            amount: Amount(amount),
            expiry: self.contract.next + by,
            payment_hash,
        }
    }

    fn pick_lock(&self, side: Side, at: usize) -> Option<Lock> {
        let locks = self.people[side].channel.street(side).locks();
        locks.get(at % locks.len().max(1)).copied()
    }

    fn remove(&mut self, side: Side, at: usize, reason: RemoveReason) {
        if let Some(lock) = self.pick_lock(side, at) {
            self.send(
                side,
                vec![Operation::LockRemove {
                    id: lock.id,
                    reason,
                }],
            );
        }
    }

    fn send(&mut self, side: Side, operations: Vec<Operation>) {
        let tip = self.tip();
        if let Ok(update) = self.people[side].send(operations, &tip) {
            let locks = self.people[side].channel.street(side).locks().to_vec();
            let proof = update.proof.proof;
            let used = self.signed[side]
                .iter()
                .any(|(old, _)| old.nonce == proof.nonce);
            assert!(!used, "two proofs with nonce {} of {side}", proof.nonce);
            self.signed[side].push((proof, locks));
            self.publish(side.other(), Message::Update(update));
        }
    }

    fn acknowledge(&mut self, side: Side) {
        if let Some(ack) = self.people[side].acknowledge() {
            self.acked[ack.sender] = self.acked[ack.sender].max(ack.nonce);
            self.publish(side.other(), Message::Ack(ack));
        }
    }

    fn look(&mut self) {
        let facts = self.facts().clone();
        self.relay = self.relay.with_facts(facts.clone());
        self.people
            .iter_mut()
            .for_each(|person| person.look(&facts));
    }

    /// Asks the partner, who agrees if its own view bears it; then it is mined at once, or never.
    fn withdraw(&mut self, side: Side, amount: Amount) {
        let tip = self.tip();
        let valid_until = self.contract.next + 5;
        let asks = &self.people[side].channel;
        let Ok(withdraw) = asks.cooperative_withdraw(side, amount, valid_until, &tip) else {
            return;
        };
        let authorisation = Authorisation::CooperativeWithdraw(withdraw);
        let Ok(asked) = asks.authorise(authorisation, &tip) else {
            return;
        };
        self.people[side].channel = asked;
        self.relay = self
            .relay
            .authorise(authorisation, &tip)
            .unwrap_or(self.relay.clone());
        let partner = &self.people[side.other()].channel;
        let Ok(agreed) = partner.authorise(authorisation, &tip) else {
            return;
        };
        self.people[side.other()].channel = agreed;
        if amount.0.is_multiple_of(3) {
            return;
        }
        let digest = withdraw.digest(&self.contract.domain);
        let signatures = Side::BOTH.map(|signer| Some(self.people[signer].key.sign(&digest)));
        let call = self.people[side]
            .channel
            .cooperative_withdraw_call(&withdraw, signatures);
        self.contract
            .call(sparky_protocol::Account([9; 20]), &call)
            .expect("both agreed");
        self.look();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn two_honest_participants_never_lose_each_other(
        events in proptest::collection::vec(event(), 1..120),
        confirmations in 1_u32..4,
    ) {
        let mut pair = Pair::new(confirmations);
        for event in events {
            pair.happen(event);
        }
        pair.calm_down();
    }
}
