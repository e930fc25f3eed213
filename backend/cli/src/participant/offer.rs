//! What one participant has signed and the other may complete: withdrawals and the end together.

use sparky_protocol::{
    Authorisation, ContractCall, CooperativeClose, CooperativeWithdraw, Domain, Hash, Side,
    Signature,
};

use super::book::Kept;
use super::view::{Proposal, View, What};

/// A proposal whose signature is a participant's.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its id at the relay.
    pub id: String,
    /// Who signed it.
    pub by: Side,
    /// What it authorises.
    pub what: Authorisation,
    /// The proposer's.
    pub signature: Signature,
}

/// The offers that the relay shows, those with a wrong signature left out, newest first.
pub fn signed(view: &View, kept: &Kept) -> Vec<Offer> {
    let offers = view.proposals.iter().rev().filter_map(|proposal| {
        let what = authorisation(proposal, kept);
        let digest = digest(&what, kept.channel.domain())?;
        let by = Side::BOTH.into_iter().find(|side| {
            proposal
                .signature
                .verify(&digest, &kept.channel.account(*side))
                .is_ok()
        })?;
        let id = proposal
            .id
            .as_str()
            .map_or_else(|| proposal.id.to_string(), str::to_owned);
        Some(Offer {
            id,
            by,
            what,
            signature: proposal.signature,
        })
    });
    offers.collect()
}

impl Offer {
    /// Whether it is the end of the channel.
    pub fn is_close(&self) -> bool {
        matches!(self.what, Authorisation::CooperativeClose(_))
    }

    /// What the partner signs to agree.
    pub fn digest(&self, domain: &Domain) -> Option<Hash> {
        digest(&self.what, domain)
    }

    /// The transaction of the one who agrees: the own signature is implied by sending it.
    pub fn call(&self, kept: &Kept) -> Option<ContractCall> {
        let mut signatures = [None; 2];
        signatures[self.by.index()] = Some(self.signature);
        match &self.what {
            Authorisation::CooperativeClose(close) => {
                Some(kept.channel.cooperative_close_call(close, signatures))
            }
            Authorisation::CooperativeWithdraw(withdraw) => {
                Some(kept.channel.cooperative_withdraw_call(withdraw, signatures))
            }
            Authorisation::Close(_) => None,
        }
    }
}

fn digest(what: &Authorisation, domain: &Domain) -> Option<Hash> {
    match what {
        Authorisation::CooperativeClose(close) => Some(close.digest(domain)),
        Authorisation::CooperativeWithdraw(withdraw) => Some(withdraw.digest(domain)),
        Authorisation::Close(_) => None,
    }
}

fn authorisation(proposal: &Proposal, kept: &Kept) -> Authorisation {
    let (channel_id, sequence, valid_until) =
        (kept.channel.id(), proposal.sequence, proposal.valid_until);
    match proposal.what {
        What::Close { net_to_a } => Authorisation::CooperativeClose(CooperativeClose {
            channel_id,
            net_to_a,
            sequence,
            valid_until,
        }),
        What::Withdraw { from_b, amount_sat } => {
            let from = if from_b { Side::B } else { Side::A };
            Authorisation::CooperativeWithdraw(CooperativeWithdraw {
                channel_id,
                from,
                amount: amount_sat,
                sequence,
                valid_until,
            })
        }
    }
}
