//! How an honest one takes money out: with its partner, or alone.

use sparky_protocol::{Amount, Authorisation, Side};

use crate::{
    script::Mode,
    world::{Message, To, World},
};

impl World<'_> {
    /// Asks the partner to end it, or to let an amount go out.
    pub(super) fn ask(&mut self, side: Side, withdrawal: Option<Amount>, blocks: u32) {
        let client = &mut self.clients[side];
        if !client.may_sign() {
            return;
        }
        let (channel, tip) = (&client.memory.channel, &client.tip);
        let until = tip.height + blocks;
        let what = match withdrawal {
            Some(amount) => channel
                .cooperative_withdraw(side, amount, until, tip)
                .map(|it| {
                    (
                        Authorisation::CooperativeWithdraw(it),
                        it.digest(channel.domain()),
                    )
                }),
            None => channel.cooperative_close(until, tip).map(|it| {
                (
                    Authorisation::CooperativeClose(it),
                    it.digest(channel.domain()),
                )
            }),
        };
        let Ok((what, digest)) = what else {
            return;
        };
        let Ok(next) = channel.authorise(what, tip) else {
            return;
        };
        client.memory.channel = next;
        let signature = self.signer.sign(side, digest);
        self.wire
            .push((To::Relay { from: side }, Message::Ask(what, signature)));
        self.note("asked");
    }

    /// An honest one closes alone.
    pub(super) fn close(&mut self, side: Side, blocks: u32, recover: bool) {
        let client = &mut self.clients[side];
        let (channel, tip) = (&client.memory.channel, &client.tip);
        let until = tip.height + blocks;
        if client.mode == Mode::Asleep {
            return;
        }
        // Who is in doubt, and has a partner that gives no word, can do nothing but this.
        let recover = recover || channel.doubt().is_some();
        let next = if recover {
            channel.authorise_recovery(side, until, tip)
        } else {
            channel.authorise(Authorisation::close(side, until), tip)
        };
        let Ok(next) = next else {
            return;
        };
        let call = if recover {
            next.recover_call(until)
        } else {
            next.close_call(side, until)
        };
        client.memory.channel = next;
        let account = self.signer.account(side);
        self.ledger.broadcast(account, call);
        self.note(if recover { "recovers" } else { "closes" });
    }
}
