//! What the honest one is entitled to, and whether it got that.

use sparky_protocol::{Lock, Side, Standing, settlement, watch::Caller};

use super::Game;
use crate::contract::Chain;

impl<C: Chain> Game<'_, C> {
    pub(super) fn judge(&self) -> Result<(), String> {
        let facts = self.facts();
        let settled = facts.settled.ok_or("it is never settled")?;
        let closed = facts.closed.ok_or("it was never closed")?;
        let registry = &self.chain.model().registry;
        let paid = |locks: &[Lock]| -> u128 {
            let opened = |lock: &&Lock| {
                let registered = registry.get(&lock.payment_hash).copied();
                settlement::is_paid(lock, registered, closed.deadline)
            };
            locks.iter().filter(opened).map(|lock| lock.amount.0).sum()
        };
        let (good, bad) = (self.setup.honest, self.bad());
        let incoming = self.honest.channel.street(bad);
        let worth = |held: &Standing| held.signed.proof.transferred.0 + paid(&held.locks);
        let newest = incoming.newest().map_or(0, worth);
        let with_locks = match self.setup.caller {
            Caller::Participant => newest,
            // A tower can claim the locks that were acked; the floor holds without.
            Caller::Tower => incoming
                .acked()
                .map_or(0, |(acked, _)| worth(acked))
                .min(newest),
        };
        let received = incoming.transferred().0.max(with_locks);
        let own = self.honest.channel.street(good);
        let owed = own.standing().iter().map(worth).max();
        let owed = owed.unwrap_or(0).max(own.transferred().0);

        let signed = |amount: u128| i128::try_from(amount).expect("small");
        let total = facts.net(Side::A).0 + facts.net(Side::B).0;
        let due = facts.net(good).0 + signed(received) - signed(owed);
        if total < due {
            return Err(format!(
                "promised {due} of {total}: a promise that can not be paid"
            ));
        }
        let pay = if good == Side::A {
            settled.pay_a
        } else {
            settled.pay_b
        };
        if signed(pay.0) < due.max(0) {
            return Err(format!("the honest one got {pay}, entitled to {due}"));
        }
        if settled.pay_a.0 + settled.pay_b.0 != u128::try_from(total).expect("positive") {
            return Err("money appeared or vanished".into());
        }
        if self.closed_honestly && !settled.penalty.is_zero() {
            return Err(format!("an honest closer paid {}", settled.penalty));
        }
        Ok(())
    }
}
