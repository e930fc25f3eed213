//! Ending or shrinking a channel by agreement, and one's own close: what is signed is recorded in
//! the channel before the signature leaves, so that nothing contradicts it (PROTOCOL §4.5).

use serde::{Deserialize, Serialize};
use sparky_protocol::{
    Amount, Authorisation, Channel, ContractCall, CooperativeClose, CooperativeWithdraw, Net, Side,
    Signature, Tip,
};
use wasm_bindgen::prelude::*;

use crate::{failure::Result, json, key::Key};

/// An offer as the relay carries it.
#[derive(Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum Offer {
    Close {
        net_to_a: Net,
        sequence: u16,
        valid_until: u32,
        signature: Option<Signature>,
    },
    Withdraw {
        #[serde(rename = "fromB")]
        from_b: bool,
        #[serde(rename = "amountSat")]
        amount: Amount,
        sequence: u16,
        valid_until: u32,
        signature: Option<Signature>,
    },
}

/// An offer of our own: the channel to store, then the offer to send.
#[derive(Serialize)]
struct Offered {
    channel: String,
    offer: Offer,
}

/// An offer that we accept: the channel to store, our signature, and the transaction's call.
#[derive(Serialize)]
struct Agreed {
    channel: String,
    signature: Signature,
    call: ContractCall,
}

/// A close of our own: the channel to store, then the call to send.
#[derive(Serialize)]
struct Alone {
    channel: String,
    call: ContractCall,
}

#[wasm_bindgen]
impl Key {
    /// Offers to close with the balances of the newest proofs: `{channel, offer}`.
    #[wasm_bindgen(js_name = offerClose)]
    pub fn offer_close(
        &self,
        channel: &str,
        valid_until: u32,
        tip: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.make_close(channel, valid_until, tip)?)
    }

    /// Offers to take part of our balance out: `{channel, offer}`.
    #[wasm_bindgen(js_name = offerWithdraw)]
    pub fn offer_withdraw(
        &self,
        channel: &str,
        amount: &str,
        valid_until: u32,
        tip: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.make_withdraw(channel, amount, valid_until, tip)?)
    }

    /// Accepts the partner's offer if the newest proofs bear it: `{channel, signature, call}`.
    #[wasm_bindgen(js_name = acceptOffer)]
    pub fn accept_offer(
        &self,
        channel: &str,
        offer: &str,
        tip: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.agree(channel, offer, tip)?)
    }

    /// The call of an offer of ours that the partner signed.
    #[wasm_bindgen(js_name = completeOffer)]
    pub fn complete_offer(
        &self,
        channel: &str,
        offer: &str,
        signature: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.complete(channel, offer, signature)?)
    }

    /// Closes alone, honestly: `{channel, call}`.
    #[wasm_bindgen(js_name = closeAlone)]
    pub fn close_alone(
        &self,
        channel: &str,
        valid_until: u32,
        tip: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.close(channel, valid_until, tip, false)?)
    }

    /// Closes without a declaration, after a loss of data: `{channel, call}`.
    pub fn recover(
        &self,
        channel: &str,
        valid_until: u32,
        tip: &str,
    ) -> core::result::Result<String, JsValue> {
        Ok(self.close(channel, valid_until, tip, true)?)
    }
}

impl Key {
    fn make_close(&self, channel: &str, valid_until: u32, tip: &str) -> Result<String> {
        let (channel, tip) = read(channel, tip)?;
        let close = channel.cooperative_close(valid_until, &tip)?;
        let next = channel.authorise(Authorisation::CooperativeClose(close), &tip)?;
        let signature = Some(self.sign(&close.digest(channel.domain())));
        let CooperativeClose {
            net_to_a,
            sequence,
            valid_until,
            ..
        } = close;
        let offer = Offer::Close {
            net_to_a,
            sequence,
            valid_until,
            signature,
        };
        json::print(&Offered {
            channel: json::print(&next)?,
            offer,
        })
    }

    fn make_withdraw(
        &self,
        channel: &str,
        amount: &str,
        valid_until: u32,
        tip: &str,
    ) -> Result<String> {
        let (channel, tip) = read(channel, tip)?;
        let amount: Amount = json::amount(amount)?;
        let withdraw =
            channel.cooperative_withdraw(self.side(&channel)?, amount, valid_until, &tip)?;
        let next = channel.authorise(Authorisation::CooperativeWithdraw(withdraw), &tip)?;
        let signature = Some(self.sign(&withdraw.digest(channel.domain())));
        let CooperativeWithdraw {
            from,
            amount,
            sequence,
            valid_until,
            ..
        } = withdraw;
        let offer = Offer::Withdraw {
            from_b: from.is_b(),
            amount,
            sequence,
            valid_until,
            signature,
        };
        json::print(&Offered {
            channel: json::print(&next)?,
            offer,
        })
    }

    fn agree(&self, channel: &str, offer: &str, tip: &str) -> Result<String> {
        let (channel, tip) = read(channel, tip)?;
        let side = self.side(&channel)?;
        let partner = channel.account(side.other());
        let (next, digest, theirs, agreed) = match json::parse::<Offer>(offer)? {
            Offer::Close {
                net_to_a,
                sequence,
                valid_until,
                signature,
            } => {
                let close = CooperativeClose {
                    channel_id: channel.id(),
                    net_to_a,
                    sequence,
                    valid_until,
                };
                let next = channel.authorise(Authorisation::CooperativeClose(close), &tip)?;
                (
                    next,
                    close.digest(channel.domain()),
                    signature,
                    Agreement::Close(close),
                )
            }
            Offer::Withdraw {
                from_b,
                amount,
                sequence,
                valid_until,
                signature,
            } => {
                let from = Side::from_flag(from_b);
                let withdraw = CooperativeWithdraw {
                    channel_id: channel.id(),
                    from,
                    amount,
                    sequence,
                    valid_until,
                };
                let next = channel.authorise(Authorisation::CooperativeWithdraw(withdraw), &tip)?;
                (
                    next,
                    withdraw.digest(channel.domain()),
                    signature,
                    Agreement::Withdraw(withdraw),
                )
            }
        };
        let theirs = theirs.unwrap_or(Signature::ABSENT);
        theirs
            .verify(&digest, &partner)
            .map_err(sparky_protocol::Rejected::BadSignature)?;
        let signature = self.sign(&digest);
        let call = agreed.call(&channel, side, theirs);
        json::print(&Agreed {
            channel: json::print(&next)?,
            signature,
            call,
        })
    }

    fn complete(&self, channel: &str, offer: &str, signature: &str) -> Result<String> {
        let channel: Channel = json::parse(channel)?;
        let side = self.side(&channel)?;
        let theirs: Signature = json::parse(signature)?;
        let agreed = match json::parse::<Offer>(offer)? {
            Offer::Close {
                net_to_a,
                sequence,
                valid_until,
                ..
            } => Agreement::Close(CooperativeClose {
                channel_id: channel.id(),
                net_to_a,
                sequence,
                valid_until,
            }),
            Offer::Withdraw {
                from_b,
                amount,
                sequence,
                valid_until,
                ..
            } => {
                let from = Side::from_flag(from_b);
                Agreement::Withdraw(CooperativeWithdraw {
                    channel_id: channel.id(),
                    from,
                    amount,
                    sequence,
                    valid_until,
                })
            }
        };
        let digest = agreed.digest(&channel);
        theirs
            .verify(&digest, &channel.account(side.other()))
            .map_err(sparky_protocol::Rejected::BadSignature)?;
        json::print(&agreed.call(&channel, side, theirs))
    }

    fn close(&self, channel: &str, valid_until: u32, tip: &str, lost_data: bool) -> Result<String> {
        let (channel, tip) = read(channel, tip)?;
        let side = self.side(&channel)?;
        let (next, call) = if lost_data {
            let next = channel.authorise_recovery(side, valid_until, &tip)?;
            let call = next.recover_call(valid_until);
            (next, call)
        } else {
            let next = channel.authorise(Authorisation::close(side, valid_until), &tip)?;
            let call = next.close_call(side, valid_until);
            (next, call)
        };
        json::print(&Alone {
            channel: json::print(&next)?,
            call,
        })
    }
}

/// What both sign.
enum Agreement {
    Close(CooperativeClose),
    Withdraw(CooperativeWithdraw),
}

impl Agreement {
    fn digest(&self, channel: &Channel) -> sparky_protocol::Hash {
        match self {
            Self::Close(close) => close.digest(channel.domain()),
            Self::Withdraw(withdraw) => withdraw.digest(channel.domain()),
        }
    }

    /// The call when `caller` sends it: its own signature is implied.
    fn call(&self, channel: &Channel, caller: Side, theirs: Signature) -> ContractCall {
        let mut signatures = [None, None];
        signatures[caller.other()] = Some(theirs);
        match self {
            Self::Close(close) => channel.cooperative_close_call(close, signatures),
            Self::Withdraw(withdraw) => channel.cooperative_withdraw_call(withdraw, signatures),
        }
    }
}

fn read(channel: &str, tip: &str) -> Result<(Channel, Tip)> {
    Ok((json::parse(channel)?, json::parse(tip)?))
}
