//! Every point at which a process may be ended, and the story in which it comes there. A test keeps
//! this list and the sources equal.

/// What happens while a point waits to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Both pay, ack and listen; the connection is dropped and made again.
    Pay,
    /// Somebody signs in, asks for a ticket, signs out.
    SignIn,
    /// A withdrawal is proposed and agreed to, declined, or left to expire.
    Agree,
    /// A deposit goes through the relay into a block.
    Forward,
    /// A transaction that the network refuses.
    Refused,
    /// A block that holds a deposit is reorganised away.
    Reorganise,
    /// The watch of a channel is switched off and on.
    Watch,
    /// A close with an old state; tower and partner answer; it is settled.
    Dispute,
    /// The same, and the tower's wallet is empty.
    Penniless,
    /// The same, and the node forgets what waits.
    Forgotten,
    /// A payment by the command line.
    HandPays,
    /// The partner acks by the command line.
    HandAcks,
    /// A withdrawal is proposed by the command line.
    HandProposes,
    /// The partner agrees to it and sends the transaction.
    HandAgrees,
    /// The end together is proposed by the command line.
    HandCloses,
    /// More is put into a channel by the command line.
    HandDeposits,
    /// A database is made ready and its contract deployed by the command line.
    HandMigrates,
    /// Somebody keeps a sealed backup at the relay.
    BackUp,
    /// After a loss one asks, and the other gives its word.
    Ask,
    /// A deposit goes into a block, and then nobody asks for anything: what the relay does by itself.
    Rest,
}

impl Story {
    /// Whether it is the command line that ends in it.
    pub fn is_by_hand(self) -> bool {
        matches!(
            self,
            Self::HandPays
                | Self::HandAcks
                | Self::HandProposes
                | Self::HandAgrees
                | Self::HandCloses
                | Self::HandDeposits
                | Self::HandMigrates
        )
    }
}

/// A point.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub name: &'static str,
    pub story: Story,
    /// How often a story certainly comes there: the fatal visit is chosen up to this.
    pub most: u32,
}

const fn at(name: &'static str, story: Story, most: u32) -> Point {
    Point { name, story, most }
}

/// All of them.
pub const POINTS: &[Point] = &[
    at("relay.challenge.before", Story::SignIn, 1),
    at("relay.challenge.after", Story::SignIn, 1),
    at("relay.session.before", Story::SignIn, 1),
    at("relay.session.after", Story::SignIn, 1),
    at("relay.ticket.before", Story::SignIn, 1),
    at("relay.ticket.after", Story::SignIn, 1),
    at("relay.sign-out.before", Story::SignIn, 1),
    at("relay.sign-out.after", Story::SignIn, 1),
    at("relay.commit.before", Story::Pay, 8),
    at("relay.commit.after", Story::Pay, 8),
    at("relay.commit.told", Story::Pay, 8),
    at("relay.reply.before", Story::Pay, 16),
    at("relay.reply.after", Story::Pay, 16),
    at("relay.event.before", Story::Pay, 6),
    at("relay.event.after", Story::Pay, 6),
    at("relay.replay.before", Story::Pay, 1),
    at("relay.replay.after", Story::Pay, 1),
    at("relay.countersign.before", Story::Agree, 1),
    at("relay.countersign.after", Story::Agree, 1),
    at("relay.end-proposal.before", Story::Agree, 1),
    at("relay.end-proposal.after", Story::Agree, 1),
    at("relay.keep-transaction.before", Story::Forward, 1),
    at("relay.keep-transaction.after", Story::Forward, 1),
    at("relay.send-transaction.before", Story::Forward, 1),
    at("relay.send-transaction.after", Story::Forward, 1),
    at("relay.forget-transaction.before", Story::Refused, 1),
    at("relay.forget-transaction.after", Story::Refused, 1),
    at("relay.connect-block.before", Story::Forward, 1),
    at("relay.connect-block.after", Story::Forward, 1),
    at("relay.connect-block.told", Story::Forward, 1),
    at("relay.disconnect-block.before", Story::Reorganise, 1),
    at("relay.disconnect-block.after", Story::Reorganise, 1),
    at("relay.resend.before", Story::Reorganise, 1),
    at("relay.resend.after", Story::Reorganise, 1),
    at("relay.watch.before", Story::Watch, 2),
    at("relay.watch.after", Story::Watch, 2),
    at("relay.backup.before", Story::BackUp, 2),
    at("relay.backup.after", Story::BackUp, 2),
    at("relay.question.before", Story::Ask, 1),
    at("relay.question.after", Story::Ask, 1),
    at("relay.word.before", Story::Ask, 1),
    at("relay.word.after", Story::Ask, 1),
    at("relay.lease.before", Story::Rest, 2),
    at("relay.lease.after", Story::Rest, 2),
    at("relay.beat.before", Story::Rest, 3),
    at("relay.beat.after", Story::Rest, 3),
    at("relay.height.before", Story::Rest, 1),
    at("relay.height.after", Story::Rest, 1),
    at("relay.forget.before", Story::Rest, 6),
    at("relay.forget.after", Story::Rest, 6),
    at("relay.checkpoint.before", Story::Rest, 2),
    at("relay.checkpoint.after", Story::Rest, 2),
    at("tower.send.before", Story::Dispute, 1),
    at("tower.send.after", Story::Dispute, 1),
    at("tower.record.before", Story::Dispute, 1),
    at("tower.record.after", Story::Dispute, 1),
    at("tower.mark.before", Story::Dispute, 1),
    at("tower.mark.after", Story::Dispute, 1),
    at("tower.complain.before", Story::Penniless, 1),
    at("tower.complain.after", Story::Penniless, 1),
    at("tower.resend.before", Story::Forgotten, 1),
    at("tower.resend.after", Story::Forgotten, 1),
    at("participant.write.before", Story::HandPays, 2),
    at("participant.write.synced", Story::HandPays, 2),
    at("participant.write.after", Story::HandPays, 2),
    at("participant.proof.before", Story::HandPays, 1),
    at("participant.proof.after", Story::HandPays, 1),
    at("participant.ack.before", Story::HandAcks, 1),
    at("participant.ack.after", Story::HandAcks, 1),
    at("participant.proposal.before", Story::HandProposes, 1),
    at("participant.proposal.after", Story::HandProposes, 1),
    at("participant.close-proposal.before", Story::HandCloses, 1),
    at("participant.close-proposal.after", Story::HandCloses, 1),
    at("participant.broadcast.before", Story::HandDeposits, 1),
    at("participant.broadcast.after", Story::HandDeposits, 1),
    at("participant.countersign.before", Story::HandAgrees, 1),
    at("participant.countersign.after", Story::HandAgrees, 1),
    at("migrate.schema.before", Story::HandMigrates, 1),
    at("migrate.schema.after", Story::HandMigrates, 1),
    at("migrate.attempt.before", Story::HandMigrates, 1),
    at("migrate.attempt.after", Story::HandMigrates, 1),
    at("migrate.send.before", Story::HandMigrates, 1),
    at("migrate.send.after", Story::HandMigrates, 1),
    at("migrate.deployment.before", Story::HandMigrates, 1),
    at("migrate.deployment.after", Story::HandMigrates, 1),
];
