//! What the mempool takes, and what it answers to the rest.

use serde_json::{Value, json};
use sparky_protocol::{Account, SecretKey};
use sparky_qtum::script::{Gas, Script, call, p2pkh};
use sparky_qtum::tx::{OutPoint, Transaction, TxIn, TxOut};
use sparky_qtum::{Network, wif};

use crate::client::{ALICE, ALICE_WIF, Chain, Refused, probe};

/// Alice, with one coin, on a chain that mines when asked.
struct Alice {
    chain: Chain,
    key: SecretKey,
    coin: (OutPoint, u64),
}

impl Alice {
    async fn new() -> Self {
        let chain = Chain::rich().await;
        chain.call("dev_faucet", json!([ALICE, 1_000])).await;
        chain.call("dev_automine", json!([false])).await;
        let utxos = chain.call("getaddressutxos", json!([ALICE])).await;
        let txid = utxos[0]["txid"].as_str().unwrap().parse().unwrap();
        let vout = u32::try_from(utxos[0]["outputIndex"].as_u64().unwrap()).unwrap();
        let key = wif::decode(ALICE_WIF, Network::Regtest).unwrap();
        Self {
            chain,
            key,
            coin: (OutPoint { txid, vout }, 100_000_000_000),
        }
    }

    fn own(&self) -> Script {
        p2pkh(&self.key.account())
    }

    /// Spends `coin` to outputs and change, for a fee.
    fn spend(&self, coin: (OutPoint, u64), mut outputs: Vec<TxOut>, fee: u64) -> Transaction {
        let paid: u64 = outputs.iter().map(|output| output.value).sum();
        outputs.push(TxOut {
            value: coin.1 - paid - fee,
            script: self.own(),
        });
        let mut tx = Transaction {
            version: 2,
            inputs: vec![TxIn::unsigned(coin.0)],
            outputs,
            lock_time: 0,
        };
        tx.sign(&self.key).unwrap();
        tx
    }

    fn pay(&self, value: u64, fee: u64) -> Transaction {
        self.spend(
            self.coin,
            vec![TxOut {
                value,
                script: p2pkh(&Account([7; 20])),
            }],
            fee,
        )
    }

    async fn send(&self, tx: &Transaction) -> Result<Value, Refused> {
        self.chain
            .try_call("sendrawtransaction", json!([tx.to_hex()]))
            .await
    }

    #[track_caller]
    fn refused(&self, tx: &Transaction, code: i64, reason: &str) -> impl Future<Output = ()> {
        let (reason, sent) = (
            reason.to_owned(),
            self.chain
                .try_call("sendrawtransaction", json!([tx.to_hex()])),
        );
        let caller = std::panic::Location::caller();
        async move {
            let refused = sent.await.unwrap_err();
            let found = refused.1.split([',', '(']).next().unwrap().trim();
            assert_eq!((refused.0, found), (code, reason.as_str()), "{caller}");
        }
    }
}

#[tokio::test]
async fn dust_begins_below_72800() {
    let alice = Alice::new().await;
    alice
        .refused(&alice.pay(72_799, 200_000), -26, "dust")
        .await;
    alice.send(&alice.pay(72_800, 200_000)).await.unwrap();
}

#[tokio::test]
async fn each_fault_has_its_answer() {
    let alice = Alice::new().await;
    let good = alice.pay(100_000, 200_000);
    alice
        .refused(&alice.pay(100_000, 90_399), -26, "min relay fee not met")
        .await;

    let mut unknown = good.clone();
    unknown.inputs[0].previous.vout += 1_000;
    alice
        .refused(&unknown, -25, "bad-txns-inputs-missingorspent")
        .await;
    let mut forged = good.clone();
    forged.outputs[0].value += 1;
    alice
        .refused(&forged, -26, "mandatory-script-verify-flag-failed")
        .await;
    let mut stolen = good.clone();
    stolen
        .sign(&SecretKey::from_bytes(&[1; 32]).unwrap())
        .unwrap();
    alice
        .refused(&stolen, -26, "mandatory-script-verify-flag-failed")
        .await;
    let mut twice = good.clone();
    twice.inputs.push(twice.inputs[0].clone());
    alice
        .refused(&twice, -26, "bad-txns-inputs-duplicate")
        .await;
    let mut rich = good.clone();
    rich.outputs[0].value = 200_000_000_000;
    alice.refused(&rich, -26, "bad-txns-in-belowout").await;
    let mut late = good.clone();
    (late.lock_time, late.inputs[0].sequence) = (1_000_000, 0);
    alice.refused(&late, -26, "non-final").await;
    let mut odd = good.clone();
    odd.outputs[0].script = Script(vec![0xff]);
    alice.refused(&odd, -26, "scriptpubkey").await;

    let send = async |params: Value| alice.chain.try_call("sendrawtransaction", params).await;
    assert_eq!(send(json!(["zz"])).await.unwrap_err().0, -22);
    assert_eq!(send(json!([good.to_hex(), true])).await.unwrap_err().0, -3);
    let txid = alice.send(&good).await.unwrap();
    assert_eq!(alice.send(&good).await.unwrap(), txid, "twice is no fault");
    alice.chain.call("dev_mine", json!([1])).await;
    alice
        .refused(&good, -27, "Transaction already in block chain")
        .await;
}

#[tokio::test]
async fn a_replacement_pays_more_and_the_index_keeps_the_old() {
    let alice = Alice::new().await;
    let (cheap, dear) = (alice.pay(100_000, 200_000), alice.pay(100_000, 300_000));
    alice.send(&cheap).await.unwrap();
    alice
        .refused(&alice.pay(100_000, 201_000), -26, "insufficient fee")
        .await;
    alice.send(&dear).await.unwrap();
    alice.refused(&cheap, -26, "insufficient fee").await;
    let waiting = alice.chain.call("getrawmempool", json!([])).await;
    assert_eq!(waiting, json!([dear.txid().to_string()]));
    let rows = alice.chain.call("getaddressmempool", json!([ALICE])).await;
    assert_eq!(
        rows.as_array().unwrap().len(),
        4,
        "the replaced transaction's rows stay, as in qtumd"
    );

    let mut last = alice.pay(100_000, 400_000);
    last.inputs[0].sequence = u32::MAX;
    last.sign(&alice.key).unwrap();
    alice.send(&last).await.unwrap();
    alice
        .refused(&alice.pay(100_000, 900_000), -26, "txn-mempool-conflict")
        .await;
}

#[tokio::test]
async fn twenty_five_in_a_row_and_no_more() {
    let alice = Alice::new().await;
    let mut coin = alice.coin;
    for _ in 0..25 {
        let tx = alice.spend(coin, Vec::new(), 100_000);
        alice.send(&tx).await.unwrap();
        coin = (
            OutPoint {
                txid: tx.txid(),
                vout: 0,
            },
            tx.outputs[0].value,
        );
    }
    let next = alice.spend(coin, Vec::new(), 100_000);
    alice.refused(&next, -26, "too-long-mempool-chain").await;
    alice.chain.call("dev_mine", json!([1])).await;
    assert_eq!(
        alice.chain.call("getmempoolinfo", json!([])).await["size"],
        0
    );
    alice.send(&next).await.unwrap();
}

#[tokio::test]
async fn what_is_spent_in_the_mempool_is_seen_by_gettxout_only() {
    let alice = Alice::new().await;
    let output = json!([alice.coin.0.txid.to_string(), alice.coin.0.vout]);
    assert!(
        alice
            .chain
            .call("gettxout", output.clone())
            .await
            .is_object()
    );
    let tx = alice.pay(100_000, 200_000);
    alice.send(&tx).await.unwrap();
    assert_eq!(
        alice.chain.call("gettxout", output.clone()).await,
        Value::Null
    );
    let utxos = alice.chain.call("getaddressutxos", json!([ALICE])).await;
    assert_eq!(
        utxos.as_array().unwrap().len(),
        1,
        "the index lists what is confirmed"
    );
    let change = alice
        .chain
        .call("gettxout", json!([tx.txid().to_string(), 1]))
        .await;
    assert_eq!(change["confirmations"], 0);
    assert_eq!(
        alice
            .chain
            .call("gettxout", json!([tx.txid().to_string(), 1, false]))
            .await,
        Value::Null
    );
}

/// Gas is paid in the fee, so the guard against absurd fees is not for contract calls.
#[tokio::test]
async fn the_fee_cap_is_for_plain_transactions() {
    let alice = Alice::new().await;
    alice
        .refused(
            &alice.pay(100_000, 200_000_000),
            -25,
            "Fee exceeds maximum configured by user",
        )
        .await;
    alice.chain.call("dev_automine", json!([true])).await;
    let contract = alice.chain.deploy_probe().await;
    let contract = Account(hex::decode(&contract).unwrap().try_into().unwrap());
    let data = hex::decode(probe("inc", &[])).unwrap();
    let gas = Gas {
        limit: 5_000_000,
        price: 40,
    };
    let output = TxOut {
        value: 0,
        script: call(&contract, data, gas),
    };
    let tx = alice.spend(alice.coin, vec![output], 200_000_000 + 400_000);
    let tested = alice
        .chain
        .call("testmempoolaccept", json!([[tx.to_hex()]]))
        .await;
    assert_eq!(tested[0]["reject-reason"], "max-fee-exceeded");
    alice.send(&tx).await.unwrap();
    let receipt = alice
        .chain
        .call("gettransactionreceipt", json!([tx.txid().to_string()]))
        .await;
    assert_eq!(receipt[0]["excepted"], "None");
}

/// Its first input says who the sender is, so it must belong to a key.
#[tokio::test]
async fn only_keys_can_call_contracts() {
    let alice = Alice::new().await;
    alice.chain.call("dev_automine", json!([true])).await;
    let contract = alice.chain.deploy_probe().await;
    let contract = Account(hex::decode(&contract).unwrap().try_into().unwrap());
    let script = call(
        &contract,
        vec![1],
        Gas {
            limit: 100_000,
            price: 40,
        },
    );
    let burn = alice.spend(
        alice.coin,
        vec![TxOut {
            value: 50_000_000,
            script: Script(vec![0x00, 0x14].into_iter().chain([7; 20]).collect()),
        }],
        200_000,
    );
    alice.send(&burn).await.unwrap();
    let outputs = vec![TxOut { value: 0, script }];
    let inputs = vec![TxIn::unsigned(OutPoint {
        txid: burn.txid(),
        vout: 0,
    })];
    let tx = Transaction {
        version: 2,
        inputs,
        outputs,
        lock_time: 0,
    };
    alice
        .refused(&tx, -26, "bad-txns-invalid-sender-script")
        .await;
}
