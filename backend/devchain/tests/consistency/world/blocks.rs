//! How blocks come and go, and who sees them.

use sparky_protocol::Side;

use super::{InTime, MARGIN, World};
use crate::script::{Edge, Mode, WINDOW};

impl World<'_> {
    pub(super) fn look(&mut self, side: Side) {
        let (facts, tip) = (self.facts().clone(), self.tip());
        let client = &mut self.clients[side];
        client.memory.channel = client.memory.channel.with_facts(facts);
        client.tip = tip;
    }

    fn look_all(&mut self) {
        self.relay = self.relay.with_facts(self.facts().clone());
        for side in Side::BOTH {
            if self.clients[side].mode == Mode::Awake {
                self.look(side);
            }
        }
    }

    /// One block. Whoever must is awake before it, whoever is awake acts before it.
    pub fn block(&mut self, full: bool, reversed: bool) -> Result<(), String> {
        self.note_what_is_held();
        let urgent = self.wake()?;
        self.defend();
        let full = full || urgent || 5 < self.withheld;
        self.withheld = if full { 0 } else { self.withheld + 1 };
        self.ledger.mine(full, reversed);
        self.after_blocks()
    }

    pub fn reorganise(&mut self, depth: u32, kept: bool, reversed: bool) -> Result<(), String> {
        // Nothing helps who acts in time if its call is taken back when it is too late.
        let edge = self.edge_within(MARGIN + 2 * depth);
        let confirmations = self.setup.confirmations;
        self.ledger
            .reorganise(depth, kept || edge, reversed && !edge, confirmations);
        self.note("reorganised");
        self.after_blocks()
    }

    fn after_blocks(&mut self) -> Result<(), String> {
        self.look_all();
        for client in &mut self.clients {
            if client.mode != Mode::Asleep {
                client.copy();
            }
        }
        self.ledger.wrong.take().map_or(Ok(()), Err)
    }

    fn note_what_is_held(&mut self) {
        let closed = self.facts().closed;
        if closed.is_some_and(|closed| self.ledger.height() + MARGIN <= closed.deadline) {
            self.in_time = Some(InTime {
                relay: self.relay.clone(),
                clients: self
                    .clients
                    .each_ref()
                    .map(|one| one.memory.channel.clone()),
            });
        }
    }

    /// Whether an edge of a dispute is among the next blocks, or just behind.
    pub(super) fn edge_within(&self, blocks: u32) -> bool {
        let facts = self.facts();
        let Some(closed) = facts.closed.filter(|_| facts.settled.is_none()) else {
            return false;
        };
        let next = self.ledger.height() + 1;
        let expire = facts.finalizes_at().map(|at| at + WINDOW - 1);
        let edges = [Some(closed.deadline), facts.refutable_until(), expire];
        let near = |edge: u32| next <= edge + 4 && edge < next + blocks;
        edges.into_iter().flatten().any(near)
    }

    /// Blocks until just before an edge of a dispute.
    pub fn mine_to(&mut self, edge: Edge) -> Result<(), String> {
        let facts = self.facts();
        let edge = match edge {
            Edge::Deadline => facts.closed.map(|closed| closed.deadline),
            Edge::Refutable => facts.refutable_until(),
            Edge::Final => facts.finalizes_at(),
            Edge::ListsExpire => facts.finalizes_at().map(|at| at + WINDOW),
        };
        let Some(edge) = edge else {
            return Ok(());
        };
        while self.ledger.height() + 1 < edge && self.facts().settled.is_none() {
            self.block(true, false)?;
        }
        Ok(())
    }
}
