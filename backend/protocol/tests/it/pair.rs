//! Two honest participants and a neutral relay between them, over a wire that loses, reorders and
//! repeats, with restarts and with memories restored from an old copy.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sparky_protocol::{
    Ack, Amount, Authorisation, BalanceProof, Channel, ChannelId, ContractCall, Domain, Facts,
    Hash, Lock, Nack, Operation, Phase, Preimage, Rejected, RemoveReason, Reserve, SecretKey, Side,
    Street, Tip, Update,
};

use crate::{
    contract::{Chain, Contract},
    participant::Participant,
};

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Event {
    Pay(Side, u128),
    LockAdd(Side, u128, u32),
    LockSettle(Side, usize),
    LockRemove(Side, usize),
    LockExpire(Side, usize),
    Several(Side, u128, u128),
    Ack(Side),
    Deliver(usize),
    Lose(usize),
    Repeat(usize),
    Restart(Side),
    RestoreOld(Side, usize),
    Reconnect(Side),
    Mine(u32),
    Deposit(Side, u128),
    Withdraw(Side, u128),
}

fn event() -> impl Strategy<Value = Event> {
    let side = || prop_oneof![Just(Side::A), Just(Side::B)];
    let at = 0_usize..64;
    prop_oneof![
        6 => (side(), 1_u128..60).prop_map(|(side, amount)| Event::Pay(side, amount)),
        3 => (side(), 1_u128..40, 0_u32..30).prop_map(|(s, amount, by)| Event::LockAdd(s, amount, by)),
        2 => (side(), at.clone()).prop_map(|(side, at)| Event::LockSettle(side, at)),
        2 => (side(), at.clone()).prop_map(|(side, at)| Event::LockRemove(side, at)),
        1 => (side(), at.clone()).prop_map(|(side, at)| Event::LockExpire(side, at)),
        1 => (side(), 1_u128..20, 1_u128..20).prop_map(|(s, one, two)| Event::Several(s, one, two)),
        2 => side().prop_map(Event::Ack),
        12 => at.clone().prop_map(Event::Deliver),
        2 => at.clone().prop_map(Event::Lose),
        2 => at.clone().prop_map(Event::Repeat),
        1 => side().prop_map(Event::Restart),
        1 => (side(), at.clone()).prop_map(|(side, at)| Event::RestoreOld(side, at)),
        1 => side().prop_map(Event::Reconnect),
        2 => (1_u32..12).prop_map(Event::Mine),
        1 => (side(), 1_u128..50).prop_map(|(side, amount)| Event::Deposit(side, amount)),
        1 => (side(), 1_u128..50).prop_map(|(side, amount)| Event::Withdraw(side, amount)),
    ]
}

#[derive(Clone, Debug)]
enum Message {
    Update(Update),
    Ack(Ack),
    Nack(Nack),
    Streets(Box<[Street; 2]>),
}

impl Participant {
    /// Learns what it has forgotten.
    pub fn reconnect(&mut self, shown: &[Street; 2], tip: &Tip) -> Result<(), Rejected> {
        self.channel = self.channel.adopt(shown, tip)?;
        Ok(())
    }

    /// Its updates that come after a nonce.
    pub fn missing(&self, newest: u64) -> impl Iterator<Item = &Update> {
        self.sent
            .iter()
            .filter(move |update| newest < update.proof.proof.nonce)
    }
}

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

    /// Through the relay, which applies the same rules, onto the wire.
    fn publish(&mut self, to: Side, message: Message) {
        let tip = self.tip();
        match &message {
            Message::Update(update) => match self.relay.accept(update, &tip) {
                Ok(next) => self.relay = next,
                Err(Rejected::AlreadyHeld { .. }) => {}
                Err(why) => panic!("the relay refuses what its sender accepted: {why}"),
            },
            Message::Ack(ack) => {
                if let Ok(next) = self.relay.accept_ack(ack) {
                    self.relay = next;
                }
            }
            Message::Nack(_) | Message::Streets(_) => {}
        }
        self.wire.push((to, message));
    }

    fn take(&mut self, at: usize) -> Option<(Side, Message)> {
        let length = self.wire.len();
        (length != 0).then(|| self.wire.remove(at % length))
    }

    fn deliver(&mut self, to: Side, message: Message) {
        let tip = self.tip();
        match message {
            Message::Update(update) => {
                if let Err(why) = self.people[to].receive(&update, &tip) {
                    let nack = self.people[to].channel.nack(to.other(), &update, &why);
                    assert_ne!(nack.code, "bad-signature");
                    assert_ne!(nack.code, "operations-mismatch");
                    self.wire.push((to.other(), Message::Nack(nack)));
                }
            }
            Message::Ack(ack) => self.people[to].receive_ack(&ack),
            Message::Nack(nack) => {
                let missing: Vec<_> = self.people[to].missing(nack.newest).cloned().collect();
                for update in missing.into_iter().take(3) {
                    self.wire.push((to.other(), Message::Update(update)));
                }
            }
            Message::Streets(streets) => {
                self.people[to]
                    .reconnect(&streets, &tip)
                    .expect("honest streets are adopted");
            }
        }
    }

    /// A participant is shown what relay and partner know, and shows what it knows.
    fn meet(&mut self, side: Side) {
        let tip = self.tip();
        let facts = self.facts().clone();
        self.people[side].look(&facts);
        let signed = self.relay.authorisations();
        self.people[side].channel = self.people[side].channel.remember(signed, &tip);
        let shown = [
            self.relay.streets().clone(),
            self.people[side.other()].channel.streets().clone(),
        ];
        for streets in shown {
            self.people[side]
                .reconnect(&streets, &tip)
                .expect("honest streets are adopted");
        }
        let mine = Message::Streets(Box::new(self.people[side].channel.streets().clone()));
        self.wire.push((side.other(), mine));
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

    /// What must hold at any moment, whatever is still under way.
    fn check(&self) {
        let tip = self.tip();
        assert_eq!(self.facts().phase(tip.height), Phase::Open);
        for side in Side::BOTH {
            for person in &self.people {
                let street = person.channel.street(side);
                let known = self.signed[side]
                    .iter()
                    .find(|(proof, _)| proof.nonce == street.nonce());
                let locks = known.map(|(_, locks)| locks.as_slice()).unwrap_or_default();
                assert_eq!(
                    street.locks(),
                    locks,
                    "the locks of proof {}",
                    street.nonce()
                );
                assert!(street.acked_nonce() <= street.nonce());
                assert!(street.standing().len() <= sparky_protocol::channel::MAX_UNACKED);
            }
            // Nobody promises more than it can pay, however it is counted.
            let acked = self.people[side].channel.street(side).acked_nonce();
            let held = self.people[side.other()].channel.street(side).nonce();
            let held = &self.signed[side][..usize::try_from(held).expect("small")];
            let worst = worst_by_force(held, self.acked[side], tip.height);
            let net = self.facts().confirmed_net(side, &tip);
            let partner = self.people[side.other()]
                .channel
                .street(side.other())
                .transferred();
            let limit = net.plus(partner.to_net()).to_amount();
            assert!(worst <= limit, "{side} may owe {worst}, can pay {limit}");
            // Forgetting proofs never lowers what they can cost.
            let own = self.people[side].channel.street(side);
            let all = &self.signed[side][..usize::try_from(own.nonce()).expect("small")];
            let force = worst_by_force(all, acked, tip.height);
            let promised = own.promised();
            assert_eq!(
                own.worst(tip.height),
                force.max(promised),
                "{side}'s worst case"
            );
        }
    }

    /// Everything is delivered, both meet, and both know the same.
    fn calm_down(&mut self) {
        self.contract.mine(120);
        self.look();
        for _ in 0..4 {
            for side in Side::BOTH {
                self.meet(side);
            }
            while let Some((to, message)) = self.take(0) {
                if !matches!(message, Message::Nack(_)) {
                    self.deliver(to, message);
                }
            }
            for side in Side::BOTH {
                self.acknowledge(side);
            }
        }
        let [a, b] = &self.people;
        assert_eq!(a.channel.streets(), b.channel.streets());
        let tip = self.tip();
        let balances = Side::BOTH.map(|side| a.channel.balances(side, &tip));
        let sum = balances[0]
            .balance
            .plus(balances[1].balance)
            .expect("small");
        assert_eq!(sum, self.facts().capacity(&tip));
        for side in Side::BOTH {
            let street = a.channel.street(side);
            assert_eq!(
                street.nonce(),
                self.signed[side].len() as u64,
                "{side}'s proofs"
            );
            assert_eq!(street.acked_nonce(), street.nonce());
        }
    }
}

/// The largest that proofs from `revoked_below` on can cost their sender: PROTOCOL §4.2 by force.
fn worst_by_force(proofs: &[(BalanceProof, Vec<Lock>)], acked: u64, height: u32) -> Amount {
    let standing = proofs.iter().filter(|(proof, _)| acked <= proof.nonce);
    let owed = standing.map(|(proof, locks)| {
        let open = locks
            .iter()
            .filter(|lock| height < lock.expiry)
            .map(|lock| lock.amount);
        Amount(proof.transferred.0 + open.sum::<Amount>().0)
    });
    owed.max().unwrap_or(Amount::ZERO)
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
