//! What both participants together may have the contract do: withdraw, or close.

use sparky_protocol::{
    Account, ChainEvent, ContractCall, CooperativeClose, CooperativeWithdraw, Net, Side,
};

use super::{Contract, Done, Revert, pay};

impl Contract {
    pub(super) fn agree(&mut self, caller: Account, call: &ContractCall) -> Result<Done, Revert> {
        match call {
            ContractCall::CooperativeWithdraw {
                params,
                from,
                amount,
                valid_until,
                signature_a,
                signature_b,
            } => {
                self.valid(*valid_until)?;
                let facts = self.open_channel(params)?;
                let sequence = facts.sequence;
                let total = facts.net(Side::A).plus(facts.net(Side::B)).to_amount();
                let withdraw = CooperativeWithdraw {
                    channel_id: facts.channel_id,
                    from: *from,
                    amount: *amount,
                    sequence,
                    valid_until: *valid_until,
                };
                let digest = withdraw.digest(&self.domain);
                self.both(params, caller, &digest, [signature_a, signature_b])?;
                if total < *amount {
                    return Err("InsufficientChannelBalance");
                }
                let (channel_id, from, amount) = (withdraw.channel_id, *from, *amount);
                let event = ChainEvent::Withdrawn {
                    channel_id,
                    from,
                    amount,
                    sequence: sequence + 1,
                };
                Ok(Done {
                    events: vec![event],
                    paid: pay([(params.account(from), amount)]),
                })
            }
            ContractCall::CooperativeClose {
                params,
                net_to_a,
                valid_until,
                signature_a,
                signature_b,
            } => {
                self.valid(*valid_until)?;
                let facts = self.channel(params)?;
                let close = CooperativeClose {
                    channel_id: facts.channel_id,
                    net_to_a: *net_to_a,
                    sequence: facts.sequence,
                    valid_until: *valid_until,
                };
                let pays = [
                    facts.net(Side::A).plus(*net_to_a),
                    facts.net(Side::B).minus(*net_to_a),
                ];
                let digest = close.digest(&self.domain);
                self.both(params, caller, &digest, [signature_a, signature_b])?;
                if pays.iter().any(|pay| pay.0 < 0) {
                    return Err("InsufficientChannelBalance");
                }
                let [pay_a, pay_b] = pays.map(Net::to_amount);
                let channel_id = close.channel_id;
                let event = ChainEvent::CooperativelyClosed {
                    channel_id,
                    pay_a,
                    pay_b,
                };
                let paid = pay([(params.account_a, pay_a), (params.account_b, pay_b)]);
                Ok(Done {
                    events: vec![event],
                    paid,
                })
            }
            _ => Err("not an agreement"),
        }
    }
}
