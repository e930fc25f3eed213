//! How a case ends: calm first, then closed, settled and judged.

use sparky_protocol::{Phase, Side};

use super::transfer;
use crate::{
    script::{Ending, Mode, WINDOW},
    world::{STRANGER, World},
};

impl World<'_> {
    /// The storm is over: everybody is awake, everything arrives, and it must end well.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        self.tower = true;
        for side in Side::BOTH {
            self.clients[side].mode = Mode::Awake;
            self.meet(side)?;
        }
        if self.is_open() {
            self.calm()?;
        }
        if self.is_open() {
            self.end()?;
        }
        for _ in 0..8 * WINDOW {
            if self.facts().settled.is_some() {
                break;
            }
            self.block(true, false)?;
            if self.is_open() {
                // The close was too late to be mined; the next is not.
                self.close(self.closer(), 8, false);
            }
        }
        self.note(match self.facts().settled {
            Some(settled) if settled.cooperative => "ended together",
            Some(settled) if !settled.penalty.is_zero() => "ended with a penalty",
            _ => "ended alone",
        });
        self.judge()
    }

    fn is_open(&self) -> bool {
        self.facts().phase(self.ledger.height()) == Phase::Open
    }

    fn closer(&self) -> Side {
        match (self.setup.cunning, self.setup.ending) {
            (Some(cunning), _) => cunning.other(),
            (None, Ending::Alone(side) | Ending::Recovered(side)) => side,
            (None, Ending::Together) => Side::A,
        }
    }

    /// What binds runs out, what is missing is sent again; then both hold the same and can still pay.
    fn calm(&mut self) -> Result<(), String> {
        let held = |world: &Self| world.is_open() && !world.wire.is_empty();
        for round in 0..6 {
            for side in Side::BOTH {
                self.meet(side)?;
            }
            self.deliver_all()?;
            for side in Side::BOTH {
                self.acknowledge(side)?;
            }
            self.deliver_all()?;
            if round == 0 || held(self) {
                for _ in 0..WINDOW {
                    self.block(true, false)?;
                }
            }
            self.check()?;
        }
        if !self.is_open() || self.setup.cunning.is_some() {
            return Ok(());
        }
        self.check_agreement()?;
        for side in Side::BOTH {
            let before = self.relay.street(side).nonce();
            let tip = self.tip();
            let rich = !self.relay.balances(side, &tip).available.is_zero();
            let paid = self.send(side, vec![transfer(1)])?;
            self.deliver_all()?;
            self.acknowledge(side.other())?;
            self.deliver_all()?;
            let acked = self.clients[side].memory.channel.street(side).acked_nonce();
            if rich != paid || rich && acked != before + 1 {
                return Err(format!("{side} can not pay any more"));
            }
        }
        self.note("calm");
        self.check_agreement()
    }

    fn end(&mut self) -> Result<(), String> {
        let side = self.closer();
        if self.setup.cunning.is_none() && self.setup.ending == Ending::Together {
            self.ask(side, None, WINDOW / 2);
            self.deliver_all()?;
            if let Some(call) = self.agreed.last().cloned() {
                self.ledger.broadcast(STRANGER, call);
            }
            self.block(true, false)?;
            if !self.is_open() {
                return Ok(());
            }
            for _ in 0..WINDOW {
                self.block(true, false)?;
            }
        }
        let recover = matches!(self.setup.ending, Ending::Recovered(_));
        self.close(side, 8, recover && self.setup.cunning.is_none());
        Ok(())
    }
}
