//! Plays a case: action by action, then until all is calm and everybody is paid.

mod cheating;
mod ending;
mod leaving;
mod locks;

use std::collections::BTreeMap;

use sparky_protocol::{Amount, ContractCall, Operation, Side};

use crate::{
    client::Signer,
    ledger::Ledger,
    script::{self, Action, Setup},
    world::{STRANGER, World},
};

/// What was reached, by name.
pub type Corners = BTreeMap<&'static str, u64>;

/// Plays the case that these bytes are. The error says what went wrong.
pub fn play(
    bytes: &[u8],
    ledger: &mut Ledger,
    signer: &mut Signer,
    tell: bool,
) -> Result<Corners, String> {
    let setup = Setup::read(bytes);
    let mut world = World::new(setup, ledger, signer);
    if tell {
        println!("{setup:?}");
    }
    for action in script::actions(bytes, setup.cunning.is_some()) {
        if tell {
            let height = world.ledger.height();
            println!("{height} {action:?}");
        }
        world.act(action)?;
        world.check()?;
    }
    world.finish()?;
    Ok(world.corners)
}

fn pick<T: Clone>(list: &[T], at: usize) -> Option<T> {
    list.get(at % list.len().max(1)).cloned()
}

impl World<'_> {
    fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Pay(side, amount) => {
                self.send(side, vec![transfer(amount)])?;
            }
            Action::Several(side, one, two) => {
                self.send(side, vec![transfer(one), transfer(two)])?;
            }
            Action::LockAdd {
                side,
                amount,
                by,
                known,
            } => self.add_lock(side, amount, by, known)?,
            Action::LockSettle(side, at) => self.settle_lock(side, at)?,
            Action::LockRemove(side, at, reason) => self.remove_lock(side, at, reason)?,
            Action::Ack(side) => self.acknowledge(side)?,
            Action::Deliver { at, count } => {
                for _ in 0..count {
                    self.deliver_one(at)?;
                }
            }
            Action::DeliverAll => self.deliver_all()?,
            Action::Lose(at) => {
                if !self.wire.is_empty() {
                    let at = at % self.wire.len();
                    self.wire.remove(at);
                    self.note("lost");
                }
            }
            Action::Repeat(at) => {
                if let Some(again) = pick(&self.wire, at) {
                    self.wire.push(again);
                    self.note("repeated");
                }
            }
            Action::Restart { side, lost } => {
                self.cut(side, lost)?;
                self.clients[side].restart()?;
                self.note("restarted");
            }
            Action::Restore { side, at, lost } => {
                self.cut(side, lost)?;
                let height = self.ledger.height();
                self.clients[side].restore(at, height);
                self.note("restored");
            }
            Action::Meet(side) => self.meet(side)?,
            Action::MeetPartner(side) => self.meet_partner(side)?,
            Action::Mode(side, mode) => self.clients[side].mode = mode,
            Action::Tower(on) => self.tower = on,
            Action::Mine { blocks, reversed } => {
                for _ in 0..blocks {
                    self.block(true, reversed)?;
                }
            }
            Action::MineTo(edge) => self.mine_to(edge)?,
            Action::Withhold(blocks) => {
                for _ in 0..blocks {
                    self.block(false, false)?;
                }
                self.note("withheld");
            }
            Action::Reorganise {
                depth,
                kept,
                reversed,
            } => self.reorganise(depth, kept, reversed)?,
            Action::Deposit(to, amount) => {
                let (params, amount) = (self.facts().params, Amount(amount));
                let deposit = ContractCall::Deposit { params, to, amount };
                self.ledger.broadcast(STRANGER, deposit);
            }
            other => self.act_together(other),
        }
        Ok(())
    }

    /// What leads towards the chain.
    fn act_together(&mut self, action: Action) {
        match action {
            Action::AskWithdraw {
                side,
                amount,
                blocks,
            } => self.ask(side, Some(Amount(amount)), blocks),
            Action::AskClose { side, blocks } => self.ask(side, None, blocks),
            Action::Broadcast(at) => {
                if let Some(call) = pick(&self.agreed, at) {
                    self.ledger.broadcast(STRANGER, call);
                }
            }
            Action::Close { side, blocks } => {
                self.close(side, blocks, false);
            }
            Action::CloseBoth => {
                for side in Side::BOTH {
                    self.close(side, 3, false);
                }
            }
            Action::Recover(side) => {
                self.close(side, 3, true);
            }
            other => {
                if let Some(side) = self.setup.cunning {
                    self.cheat(side, other);
                }
            }
        }
    }

    fn deliver_one(&mut self, at: usize) -> Result<(), String> {
        if self.wire.is_empty() {
            return Ok(());
        }
        let at = at % self.wire.len();
        let (to, _) = self.wire[at];
        if !self.is_deliverable(to) {
            return Ok(());
        }
        let (to, message) = self.wire.remove(at);
        self.deliver(to, message)
    }

    fn deliver_all(&mut self) -> Result<(), String> {
        let mut most = 400;
        while 0 < most
            && let Some(at) = self
                .wire
                .iter()
                .position(|(to, _)| self.is_deliverable(*to))
        {
            most -= 1;
            let (to, message) = self.wire.remove(at);
            self.deliver(to, message)?;
        }
        Ok(())
    }
}

fn transfer(amount: u128) -> Operation {
    Operation::Transfer {
        amount: Amount(amount),
    }
}
