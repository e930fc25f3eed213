//! What must hold of the two at any moment, and what both must know in the end.

use sparky_protocol::{Amount, BalanceProof, Lock, Phase, Side};

use super::{Pair, wire::Message};
use crate::contract::Chain;

impl Pair {
    /// What must hold at any moment, whatever is still under way.
    pub(super) fn check(&self) {
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
    pub(super) fn calm_down(&mut self) {
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
