//! What the honest one, or its tower, answers.

use sparky_protocol::{
    Account, ContractCall,
    watch::{Caller, watch},
};

use super::Game;
use crate::contract::Chain;

impl<C: Chain> Game<'_, C> {
    /// What an honest participant, or its tower, does in a block.
    pub(super) fn defend(&mut self) -> Result<(), String> {
        self.register()?;
        for _ in 0..4 {
            let height = self.chain.next() - 1;
            self.look();
            let Some(action) = watch(
                &self.honest.channel,
                self.setup.honest,
                self.setup.caller,
                height,
            ) else {
                return Ok(());
            };
            let sender = match self.setup.caller {
                Caller::Participant => self.honest.key.account(),
                Caller::Tower => Account([7; 20]),
            };
            if let Err(why) = self.chain.call(sender, &action.call) {
                return Err(format!("{why} refuses {:?}", action.call));
            }
            self.look();
            if self.facts().settled.is_some() {
                return Ok(());
            }
        }
        Err("it never comes to rest".into())
    }

    /// An honest recipient registers what it can open.
    fn register(&mut self) -> Result<(), String> {
        if self.setup.caller == Caller::Tower {
            return Ok(());
        }
        let locks = self.honest.channel.street(self.bad()).locks();
        let registry = &self.chain.model().registry;
        let preimages: Vec<_> = locks
            .iter()
            .filter(|lock| self.chain.next() <= lock.expiry)
            .map(|lock| lock.payment_hash)
            .filter(|hash| self.opens.contains(hash) && !registry.contains_key(hash))
            .map(|hash| self.preimages[&hash].clone())
            .collect();
        if !preimages.is_empty() {
            let call = ContractCall::RegisterPreimages { preimages };
            self.chain.call(self.honest.key.account(), &call)?;
        }
        Ok(())
    }
}
