//! What must hold: after every step, when all is calm, and when everybody is paid.

use sparky_protocol::{
    Amount, Channel, Lock, Rejected, Side, SignedProof, Standing, Update, settlement,
};

use crate::world::World;

/// What an honest sender's update is never refused for.
const NEVER: [&str; 9] = [
    "wrong-channel",
    "not-participant",
    "no-operations",
    "nothing-sent",
    "too-large",
    "unknown-lock",
    "wrong-preimage",
    "transferred-fell",
    "operations-mismatch",
];

impl World<'_> {
    /// A proof that somebody else than its signer has seen now: one nonce, one proof; nonces without
    /// a gap; what was sent never falls.
    pub fn show(&mut self, sender: Side, update: &Update, locks: Vec<Lock>) -> Result<(), String> {
        let (signed, nonce) = (update.proof, update.proof.proof.nonce);
        if let Some((known, _)) = self.seen[sender].get(&nonce) {
            if known.proof != signed.proof {
                return self.fault(sender, &format!("two proofs with nonce {nonce}"));
            }
            return Ok(());
        }
        let last = self.seen[sender].last_key_value();
        let (newest, sent) = last.map_or((0, Amount::ZERO), |(nonce, (last, _))| {
            (*nonce, last.proof.transferred)
        });
        let now = signed.proof.transferred;
        if nonce != newest + 1 {
            self.fault(sender, &format!("nonce {nonce} after {newest}"))?;
        }
        if now < sent {
            self.fault(sender, &format!("{now} sent after {sent}"))?;
        }
        self.seen[sender].insert(nonce, (signed, locks));
        Ok(())
    }

    /// Honest ones never do it. Who is cunning is known for it from now on.
    fn fault(&mut self, sender: Side, what: &str) -> Result<(), String> {
        if self.is_honest(sender) {
            return Err(format!("{sender} signed {what}"));
        }
        self.two_faced = true;
        self.note("two-faced");
        Ok(())
    }

    /// Honest updates are refused for what the world did, never for what they are.
    pub fn check_refusal(
        &self,
        sender: Side,
        update: &Update,
        why: &Rejected,
    ) -> Result<(), String> {
        let wrong = NEVER.contains(&why.code()) || matches!(why, Rejected::BadSignature(_));
        if wrong && self.is_honest(sender) {
            let nonce = update.proof.proof.nonce;
            return Err(format!("{sender}'s proof {nonce} is refused: {why}"));
        }
        Ok(())
    }

    /// After every step.
    pub fn check(&self) -> Result<(), String> {
        let facts = self.facts();
        for sender in Side::BOTH {
            let street = self.relay.street(sender);
            let both = [sender, sender.other()];
            for side in both.into_iter().filter(|side| self.is_honest(*side)) {
                let client = &self.clients[side];
                if !client.learned {
                    continue;
                }
                let own = client.memory.channel.street(sender);
                // What a cunning one showed to nobody else, nobody else can give back.
                let acked = if client.forgot && !self.is_honest(sender) {
                    self.acked[sender].min(street.acked_nonce())
                } else {
                    self.acked[sender]
                };
                if own.nonce() < acked {
                    let has = own.nonce();
                    return Err(format!(
                        "{side} has {sender}'s proof {has}, {acked} is acked"
                    ));
                }
                if side != sender && own.acked_nonce() < acked {
                    let has = own.acked_nonce();
                    return Err(format!("{side} acked {acked} and remembers {has}"));
                }
            }
            if street.nonce() < self.acked[sender] && self.setup.cunning.is_none() {
                return Err(format!("the relay lacks {sender}'s acked proof"));
            }
            if facts.settled.is_none() {
                self.check_promises(sender)?;
            }
        }
        Ok(())
    }

    /// Nobody accepts what can not be paid, however it is counted, and nobody forgets a cost.
    fn check_promises(&self, sender: Side) -> Result<(), String> {
        let height = self.ledger.height();
        let recipient = &self.clients[sender.other()];
        let told_apart = self.two_faced && !self.is_honest(sender);
        if recipient.learned && self.is_honest(recipient.side) && !told_apart {
            let held = recipient.memory.channel.street(sender).nonce();
            let worst = self.worst(sender, held, self.acked[sender], height);
            let received = recipient.memory.channel.street(recipient.side);
            let net = self.facts().net(sender);
            let most = net.plus(received.transferred().to_net()).to_amount();
            if most < worst {
                return Err(format!("{sender} may owe {worst}, can pay {most}"));
            }
        }
        let client = &self.clients[sender];
        if client.learned && self.is_honest(sender) {
            let own = client.memory.channel.street(sender);
            let counted = own.worst(client.tip.height);
            let worst = self.worst(sender, own.nonce(), own.acked_nonce(), client.tip.height);
            if counted < worst {
                return Err(format!("{sender} counts {counted}, may owe {worst}"));
            }
        }
        Ok(())
    }

    /// The largest that `sender`'s proofs from `acked` to `newest` can cost: PROTOCOL §4.2 by force.
    fn worst(&self, sender: Side, newest: u64, acked: u64, height: u32) -> Amount {
        if newest < acked {
            return Amount::ZERO;
        }
        let standing = self.seen[sender].range(acked..=newest);
        let owed = standing.map(|(_, (signed, locks))| {
            let open = locks.iter().filter(|lock| height < lock.expiry);
            let open: Amount = open.map(|lock| lock.amount).sum();
            Amount(signed.proof.transferred.0 + open.0)
        });
        owed.max().unwrap_or(Amount::ZERO)
    }

    /// When everything was delivered: both hold the same, and can still pay.
    pub fn check_agreement(&self) -> Result<(), String> {
        let [a, b] = self.clients.each_ref().map(|one| &one.memory.channel);
        if a.streets() != b.streets() {
            let nonces = |one: &Channel| {
                Side::BOTH.map(|side| (one.street(side).nonce(), one.street(side).acked_nonce()))
            };
            return Err(format!(
                "A holds {:?}, B {:?}, the relay {:?}",
                nonces(a),
                nonces(b),
                nonces(&self.relay)
            ));
        }
        for side in Side::BOTH {
            let street = a.street(side);
            if street.acked_nonce() != street.nonce() {
                return Err(format!("{side}'s newest proof is never acked"));
            }
        }
        let tip = self.tip();
        let balances = Side::BOTH.map(|side| a.balances(side, &tip).balance.0);
        let capacity = self.facts().capacity(&tip).0;
        if balances[0] + balances[1] != capacity {
            return Err(format!("{balances:?} of {capacity}"));
        }
        Ok(())
    }

    /// Once everybody was paid: no honest one below its entitlement, no honest one punished.
    pub fn judge(&self) -> Result<(), String> {
        let facts = self.facts();
        let settled = facts.settled.ok_or("it is never settled")?;
        let total = facts.net(Side::A).plus(facts.net(Side::B)).to_amount().0;
        if settled.pay_a.0 + settled.pay_b.0 != total {
            return Err(format!("{settled:?} of {total}"));
        }
        for side in self.honest() {
            let pay = [settled.pay_a, settled.pay_b][usize::from(side.is_b())];
            let due = self.due(side);
            if settled.cooperative && self.setup.cunning.is_none() && i(pay.0) != due {
                return Err(format!("{side} agreed to {pay}, entitled to {due}"));
            }
            if i(pay.0) < due {
                return Err(format!("{side} got {pay}, entitled to {due}"));
            }
            let closer = facts.closed.map(|closed| closed.by);
            if closer == Some(side) && !settled.penalty.is_zero() {
                return Err(format!("{side} is honest and paid {}", settled.penalty));
            }
        }
        Ok(())
    }

    /// What `side` must get at least: its net deposits, plus what its partner owes it by the proofs
    /// that its guard held in time, minus what it may owe itself.
    fn due(&self, side: Side) -> i128 {
        let facts = self.facts();
        let now = self.known(&self.clients[side].memory.channel, &self.relay);
        let in_time = self.in_time.as_ref().filter(|_| facts.closed.is_some());
        let (then, relay) = match in_time {
            Some(held) => (self.known(&held.clients[side], &held.relay), &held.relay),
            None => (now.clone(), &self.relay),
        };
        let worth = |held: &Standing| held.signed.proof.transferred.0 + self.paid(&held.locks);
        let partner = side.other();
        let received = if self.setup.tower_only[side] {
            // A tower can claim the locks that were acked; the floor holds without.
            let incoming = relay.street(partner);
            let newest = incoming.newest().map_or(0, worth);
            let acked = incoming.acked().map_or(0, |(acked, _)| worth(acked));
            incoming.transferred().0.max(acked.min(newest))
        } else {
            then.street(partner).newest().map_or(0, worth)
        };
        // What was revoked too late to be refuted is owed all the same.
        let own = [&then, &now].map(|known| known.street(side));
        let standing = own.iter().flat_map(|street| street.standing());
        let owed = standing.map(worth).max().unwrap_or(0);
        // What it declared it owes, even if nobody has the proof any more.
        let declared = facts.closed.filter(|closed| closed.by == side);
        let declared = declared.and_then(|closed| closed.declared);
        let owed = owed.max(declared.map_or(0, |declared| declared.0));
        (facts.net(side).0 + i(received) - i(owed)).max(0)
    }

    /// What one knows with a memory. A lost one is judged by what the relay will give back.
    fn known(&self, memory: &Channel, relay: &Channel) -> Channel {
        memory
            .adopt(relay.streets(), &self.tip())
            .unwrap_or_else(|_| memory.clone())
    }

    fn paid(&self, locks: &[Lock]) -> u128 {
        let facts = self.facts();
        // Agreeing on the end leaves no lock open.
        let Some(closed) = facts.closed else {
            return 0;
        };
        let opened = |lock: &&Lock| {
            let registered = self.ledger.registered(&lock.payment_hash);
            settlement::is_paid(lock, registered, closed.deadline)
        };
        locks.iter().filter(opened).map(|lock| lock.amount.0).sum()
    }

    /// All that a side's partner can post: everything that was ever shown to anybody.
    pub fn shown(&self, sender: Side) -> Vec<(SignedProof, Vec<Lock>)> {
        self.seen[sender].values().cloned().collect()
    }
}

fn i(amount: u128) -> i128 {
    i128::try_from(amount).expect("little money")
}
