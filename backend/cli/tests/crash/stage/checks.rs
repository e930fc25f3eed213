//! What must hold after any crash: both people hold the same, nothing came twice, no money came or
//! went.

use serde_json::Value;
use sparky_protocol::{ChannelId, Side};
use sparky_qtum::contract;

use super::Stage;
use crate::person::Trouble;

impl Stage {
    /// Checks what a settled channel has paid, and forgets it.
    pub fn retire(&mut self, id: ChannelId) {
        self.compare();
        let channel = self.people[0].channel(id);
        let facts = channel.facts();
        let settled = facts.settled.expect("it is settled");
        let [sent_by_a, sent_by_b] = Side::BOTH
            .map(|side| i128::try_from(channel.street(side).transferred().0).expect("small"));
        let entitled = [
            facts.net(Side::A).0 - sent_by_a + sent_by_b,
            facts.net(Side::B).0 + sent_by_a - sent_by_b,
        ];
        let paid =
            [settled.pay_a.0, settled.pay_b.0].map(|pay| i128::try_from(pay).expect("small"));
        // Alice closes, and sometimes with an old state: Bob is the honest one.
        assert!(
            entitled[1] <= paid[1],
            "Bob got {paid:?} and not {entitled:?}"
        );
        let penalty = i128::try_from(settled.penalty.0).expect("small");
        assert_eq!(paid[0] + penalty, entitled[0], "Alice got what is left");
        assert_eq!(
            paid[0] + paid[1],
            facts.net(Side::A).0 + facts.net(Side::B).0,
            "a settled channel pays out what it held"
        );
        for person in &mut self.people {
            person.held.remove(&id);
        }
        self.all.retain(|one| *one != id);
    }

    /// Starts an ordinary relay and checks everything that must hold after any crash.
    pub async fn check(&mut self) {
        if self.penniless || self.ended() {
            self.penniless = false;
            self.start(None).await;
        }
        for person in &mut self.people {
            let ids: Vec<ChannelId> = person.held.keys().copied().collect();
            let synced = async {
                person.connect().await?;
                for id in ids {
                    let facts = person.channel(id).facts();
                    if facts.closed.is_none() && facts.settled.is_none() {
                        person.ack(id).await?;
                    }
                }
                Ok(())
            };
            let synced: Result<(), Trouble> = synced.await;
            synced.unwrap_or_else(|why| panic!("nothing is broken: {why:?}\n"));
        }
        assert!(self.followed().await, "an ordinary relay ended");
        for person in &mut self.people {
            person.catch_up().await.expect("nothing is broken");
        }
        self.compare();
        self.count_the_money().await;
    }

    /// Both people hold the same, nothing that was acknowledged is missing, nothing came twice.
    fn compare(&self) {
        let [alice, bob] = &self.people;
        for id in alice.held.keys() {
            let (ours, theirs) = (alice.channel(*id), bob.channel(*id));
            for side in Side::BOTH {
                let newest = |channel: &sparky_protocol::Channel| {
                    let newest = channel.street(side).newest();
                    newest.map(|standing| standing.signed.proof)
                };
                assert_eq!(newest(ours), newest(theirs), "both hold the same proof");
                let seen = self.evidence.count(*id, side);
                assert_eq!(ours.street(side).nonce(), seen, "every nonce, once");
                let author = &self.people[side.index()];
                let acknowledged = author.acknowledged.get(id).copied().unwrap_or_default();
                assert!(acknowledged <= seen, "an acknowledged payment is gone");
            }
        }
        for person in &self.people {
            assert!(person.is_quiet(), "something was never acknowledged");
            let numbers: Vec<i64> = person.kept.iter().map(|(seq, _)| *seq).collect();
            let expected: Vec<i64> = (1..=person.cursor).collect();
            assert_eq!(numbers, expected, "events without gap or duplicate");
            assert_eq!((person.repeated, person.gaps), (0, 0), "each event once");
        }
    }

    /// What the contract holds is what is in channels that are not settled.
    async fn count_the_money(&self) {
        let mut expected = self.in_hand_channels().await;
        for id in &self.all {
            let facts = self.people[0].channel(*id).facts();
            if facts.settled.is_none() {
                expected += facts.net(Side::A).0 + facts.net(Side::B).0;
            }
        }
        let held = self.balance_of_the_contract().await;
        assert_eq!(i128::from(held), expected, "money came or went");
    }

    /// What is in the channels of the command line.
    async fn in_hand_channels(&self) -> i128 {
        let mut sum = 0;
        for id in &self.by_hand {
            let request = sparky_qtum::rpc::CallRequest {
                contract: &self.contract,
                data: &contract::View::Channel(*id).encode(),
                sender: None,
                gas_limit: None,
                value: 0,
            };
            let answer = self.node.call_contract(&request).await.expect("answers");
            let shown = contract::View::channel(&answer.output).expect("a channel");
            sum += shown.net_a.0 + shown.net_b.0;
        }
        sum
    }

    /// What the command line's channel holds, in satoshi.
    pub async fn hand_total(&self) -> u64 {
        u64::try_from(self.in_hand_channels().await).expect("small")
    }

    async fn balance_of_the_contract(&self) -> i64 {
        let address = serde_json::value::to_raw_value(&hex::encode(self.contract.0)).expect("JSON");
        let account: Value = self
            .node
            .call("getaccountinfo", &[address])
            .await
            .expect("answers");
        account["balance"].as_i64().expect("a balance")
    }
}
