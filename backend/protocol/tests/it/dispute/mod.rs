//! An honest participant against a hostile one: whatever the hostile signs, posts, hides or withholds,
//! the honest gets what it is entitled to as long as somebody posts for it in time.
//!
//! A game is a list of moves that a seed fixes, so that a lost one can be played again and shortened.

mod attack;
mod defence;
mod exchange;
mod verdict;

use std::collections::BTreeMap;

use sparky_protocol::{
    Account, Amount, Channel, ChannelId, ContractCall, Facts, Lock, PaymentHash, Phase, Preimage,
    Reserve, SecretKey, Side, Signature, SignedProof, Tip,
};

use crate::{
    contract::Chain,
    moves::{Move, Setup, WINDOW},
    participant::Participant,
};

/// Plays a game on a chain. The error says what went wrong.
pub fn play(chain: &mut impl Chain, setup: Setup, moves: &[Move]) -> Result<(), String> {
    let mut game = Game::new(chain, setup)?;
    for next in moves {
        game.make(*next)?;
    }
    game.finish()
}

struct Game<'a, C> {
    chain: &'a mut C,
    setup: Setup,
    id: ChannelId,
    honest: Participant,
    hostile: SecretKey,
    /// All that the honest one ever signed, with locks: the hostile one kept everything.
    received: Vec<(SignedProof, Vec<Lock>)>,
    /// All that the hostile one ever signed and sent, with the honest one's acks.
    given: Vec<(SignedProof, Option<Signature>)>,
    preimages: BTreeMap<PaymentHash, Preimage>,
    /// What the honest one can open.
    opens: Vec<PaymentHash>,
    /// The close that the honest one sent, if it did.
    closed_honestly: bool,
}

impl<'a, C: Chain> Game<'a, C> {
    fn new(chain: &'a mut C, setup: Setup) -> Result<Self, String> {
        let keys = [11, 12].map(|byte| SecretKey::from_bytes(&[byte; 32]).expect("a key"));
        let open = ContractCall::Open {
            account_b: keys[1].account(),
            token: Account::ZERO,
            amount: Amount(setup.deposits[0]),
            window: WINDOW,
            penalty_bps: setup.penalty_bps,
        };
        chain.call(keys[0].account(), &open)?;
        let facts = chain
            .model()
            .channels
            .values()
            .next()
            .ok_or("no channel")?
            .clone();
        let amount = Amount(setup.deposits[1]);
        if !amount.is_zero() {
            let call = ContractCall::Deposit {
                params: facts.params,
                to: Side::B,
                amount,
            };
            chain.call(keys[1].account(), &call)?;
        }
        chain.mine(1);
        let facts = chain.model().channels[&facts.channel_id].clone();
        let channel = Channel::new(chain.model().domain, facts.clone());
        let [a, b] = keys;
        let (key, hostile) = if setup.honest == Side::A {
            (a, b)
        } else {
            (b, a)
        };
        Ok(Self {
            chain,
            setup,
            id: facts.channel_id,
            honest: Participant::new(setup.honest, key, channel),
            hostile,
            received: Vec::new(),
            given: Vec::new(),
            preimages: BTreeMap::new(),
            opens: Vec::new(),
            closed_honestly: false,
        })
    }

    fn bad(&self) -> Side {
        self.setup.honest.other()
    }

    fn tip(&self) -> Tip {
        Tip {
            height: self.chain.next() - 1,
            confirmations: 1,
            reserve: Reserve::NONE,
        }
    }

    fn facts(&self) -> &Facts {
        &self.chain.model().channels[&self.id]
    }

    fn look(&mut self) {
        let facts = self.facts().clone();
        self.honest.look(&facts);
    }

    fn make(&mut self, next: Move) -> Result<(), String> {
        let disputed = self.facts().closed.is_some();
        if disputed && !self.setup.late {
            self.defend()?;
        }
        match next {
            Move::Dust(to, amount) => {
                let (params, amount) = (self.facts().params, Amount(amount));
                let stranger = Account([9; 20]);
                let dust = ContractCall::Deposit { params, to, amount };
                let refused = self.chain.call(stranger, &dust).is_err();
                if refused != disputed {
                    return Err("a deposit works exactly while it is open".into());
                }
                self.look();
            }
            Move::Mine(blocks) => {
                for _ in 0..blocks {
                    self.chain.mine(1);
                    self.look();
                    if self.facts().closed.is_some() {
                        self.defend()?;
                    }
                }
            }
            Move::HonestCloses { recover } if !disputed => {
                let valid_until = self.chain.next() + 5;
                let call = if recover {
                    self.honest.channel.recover_call(valid_until)
                } else {
                    self.honest
                        .channel
                        .close_call(self.setup.honest, valid_until)
                };
                self.chain.call(self.honest.key.account(), &call)?;
                self.closed_honestly = true;
                self.look();
            }
            Move::HostileCloses {
                declared,
                incoming,
                recover,
            } if !disputed => {
                self.hostile_closes(declared, incoming, recover)?;
            }
            Move::HonestCloses { .. } | Move::HostileCloses { .. } => {}
            other if disputed => self.attack(&other),
            other => self.exchange(other),
        }
        if self.facts().settled.is_some() {
            return Ok(());
        }
        if disputed && self.setup.late {
            self.defend()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), String> {
        if self.facts().closed.is_none() {
            return Ok(());
        }
        let open = |game: &Self| game.facts().settled.is_none();
        for _ in 0..5 * WINDOW {
            if !open(&self) {
                break;
            }
            self.defend()?;
            let final_now = matches!(self.facts().phase(self.chain.next()), Phase::Final { .. });
            if open(&self) && final_now {
                // Nobody is slower than the hostile one where its list is worth something.
                let call = self.hostile_settle(false);
                let _ = self.chain.call(self.hostile.account(), &call);
                if open(&self) {
                    let call = self.honest.channel.settle_call();
                    let _ = self.chain.call(Account([7; 20]), &call);
                }
            }
            self.chain.mine(1);
            self.look();
        }
        self.judge()
    }
}

fn pick<T>(list: &[T], at: usize) -> Option<&T> {
    list.get(at % list.len().max(1))
}
