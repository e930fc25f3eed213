//! What a block does for the contract outputs of a transaction: run them, move the contracts' coins
//! in transactions of its own, and return unused gas.
//!
//! The rules are those of Qtum's account abstraction layer: a contract owns at most one output, a
//! condensing transaction follows every execution that moved coins, and an execution that failed is
//! followed by one that returns the value to its sender.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sparky_protocol::Account;
use sparky_qtum::Txid;
use sparky_qtum::contract::address_of_creation;
use sparky_qtum::script::{Contract, OP_CALL, OP_SPEND, Script, Target, p2pkh};
use sparky_qtum::tx::{OutPoint, Transaction, TxIn, TxOut};

use crate::block::Tx;
use crate::evm::{Block, Bytes20, Call, ContractCoin, Evm, Exception, Outcome};
use crate::roots::{RootCache, Roots, SYSTEM_CONTRACTS, system_address};

/// More outputs than this in a condensing transaction make the execution fail.
const MAX_OUTPUTS: usize = 1_000;

/// One contract output, run.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    pub vout: u32,
    pub sender: Bytes20,
    /// The called contract; zeroes for a deployment.
    pub to: Bytes20,
    pub outcome: Outcome,
    /// Zeroes if nothing was executed.
    pub roots: Roots,
}

/// All contract outputs of a transaction, run.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    pub executions: Vec<Execution>,
    /// Condensing and refund transactions, to follow in the block.
    pub generated: Vec<Arc<Tx>>,
    /// Gas refunds, to be paid by the coinbase.
    pub refunds: Vec<TxOut>,
    pub gas_used: u64,
}

/// A contract output, ready to run.
struct Order {
    txid: Txid,
    vout: u32,
    value: u64,
    contract: Contract,
    sender: Bytes20,
}

impl Order {
    const fn outpoint(&self) -> OutPoint {
        OutPoint {
            txid: self.txid,
            vout: self.vout,
        }
    }

    fn target(&self) -> Bytes20 {
        match self.contract.target {
            Target::Call(account) => account.0,
            Target::Create => [0; 20],
        }
    }
}

/// The contract outputs of `tx` that ask for an execution.
pub(crate) fn contracts(tx: &Transaction) -> impl Iterator<Item = (u32, Contract)> {
    (0..).zip(&tx.outputs).filter_map(|(vout, output)| {
        let contract = Contract::parse(output.script.as_bytes())?;
        (contract.version != 0).then_some((vout, contract))
    })
}

/// Whether the block assembler made this transaction: it spends what a contract owns.
pub(crate) fn is_generated(tx: &Transaction) -> bool {
    tx.inputs
        .first()
        .is_some_and(|input| input.script_sig.as_bytes() == [OP_SPEND])
}

/// Runs the contract outputs of `tx` in order. `payer` owns its first input.
pub(crate) fn run(
    evm: &mut Evm,
    cache: &mut RootCache,
    block: &Block,
    tx: &Tx,
    payer: Bytes20,
) -> Executed {
    let mut executed = Executed::default();
    evm.begin_transaction();
    for (vout, contract) in contracts(tx) {
        let Some(output) = tx.outputs.get(vout as usize) else {
            continue;
        };
        let sender = contract
            .sender
            .as_ref()
            .map_or(payer, |sender| sender.account.0);
        let order = Order {
            txid: tx.id(),
            vout,
            value: output.value,
            contract,
            sender,
        };
        let execution = run_one(evm, cache, block, &order, &mut executed);
        settle_gas(&order, &execution.outcome, payer, &mut executed);
        executed.executions.push(execution);
    }
    executed
}

fn run_one(
    evm: &mut Evm,
    cache: &mut RootCache,
    block: &Block,
    order: &Order,
    executed: &mut Executed,
) -> Execution {
    let to = order.target();
    let is_system = SYSTEM_CONTRACTS
        .iter()
        .any(|number| system_address(*number) == to);
    let is_call = order.contract.target != Target::Create;
    let mut roots = Roots {
        state: [0; 32],
        utxo: [0; 32],
    };
    let mut outcome = Outcome {
        exception: Exception::Unknown,
        ..Outcome::default()
    };
    if is_call && is_system {
        // Their code is not here, so the call ends as one to an account without code.
        outcome = Outcome {
            gas_used: order.contract.gas.limit,
            contract: to,
            ..outcome
        };
        roots = cache.roots(evm, true);
    } else if !is_call || evm.exists(&to) {
        let checkpoint = evm.checkpoint();
        outcome = execute(evm, block, order);
        let condensed = condense(evm, order, &outcome);
        evm.finish(&outcome);
        if let Some(condensed) = condensed {
            if MAX_OUTPUTS < condensed.tx.outputs.len() {
                evm.roll_back(checkpoint);
                outcome = Outcome {
                    gas_used: order.contract.gas.limit,
                    ..Outcome::default()
                };
                executed.generated.extend(refund(order));
            } else {
                for (address, coin) in condensed.coins {
                    evm.set_coin(&address, coin);
                }
                executed.generated.push(condensed.tx);
            }
        }
        roots = cache.roots(evm, true);
    }
    if outcome.exception != Exception::None {
        executed.generated.extend(refund(order));
    }
    Execution {
        vout: order.vout,
        sender: order.sender,
        to,
        outcome,
        roots,
    }
}

fn execute(evm: &mut Evm, block: &Block, order: &Order) -> Outcome {
    let gas = order.contract.gas;
    match order.contract.target {
        Target::Call(contract) => {
            let call = Call {
                sender: order.sender,
                contract: contract.0,
                value: order.value,
                data: order.contract.data.clone(),
                gas_limit: gas.limit,
                gas_price: gas.price,
            };
            evm.execute_call(block, &call)
        }
        Target::Create => {
            let address = address_of_creation(&order.txid, order.vout).0;
            evm.execute_create(
                block,
                &order.contract.data,
                &crate::evm::Create {
                    sender: order.sender,
                    address,
                    value: order.value,
                    gas_limit: gas.limit,
                    gas_price: gas.price,
                },
            )
        }
    }
}

/// Returns unused gas: after success or a revert. Every other failure costs the whole limit.
fn settle_gas(order: &Order, outcome: &Outcome, payer: Bytes20, executed: &mut Executed) {
    executed.gas_used += outcome.gas_used;
    if matches!(outcome.exception, Exception::None | Exception::Revert) {
        let unused = order.contract.gas.limit.saturating_sub(outcome.gas_used);
        let value = unused.saturating_mul(order.contract.gas.price);
        if 0 < value {
            executed.refunds.push(TxOut {
                value,
                script: p2pkh(&Account(payer)),
            });
        }
    }
}

fn spend(outpoint: OutPoint) -> TxIn {
    TxIn {
        previous: outpoint,
        script_sig: Script(vec![OP_SPEND]),
        sequence: u32::MAX,
        witness: Vec::new(),
    }
}

/// The transaction that returns the value of a failed execution.
fn refund(order: &Order) -> Option<Arc<Tx>> {
    let output = TxOut {
        value: order.value,
        script: p2pkh(&Account(order.sender)),
    };
    let tx = Transaction {
        version: 2,
        inputs: vec![spend(order.outpoint())],
        outputs: vec![output],
        lock_time: 0,
    };
    (0 < order.value).then(|| Tx::new(tx))
}

struct Condensed {
    tx: Arc<Tx>,
    coins: Vec<(Bytes20, Option<ContractCoin>)>,
}

/// The transaction that moves the coins as the execution moved balances: from the outputs of all
/// who took part to one output for each who has something left, both sorted by address.
fn condense(evm: &Evm, order: &Order, outcome: &Outcome) -> Option<Condensed> {
    let mut coins: BTreeMap<Bytes20, ContractCoin> = BTreeMap::new();
    let mut gained: BTreeMap<Bytes20, u64> = BTreeMap::new();
    let mut paid: BTreeMap<Bytes20, u64> = BTreeMap::new();
    // A key's last payout is remembered like a contract's coin, but the key spends it by itself.
    let own = |address: &Bytes20| evm.coin(address).filter(|_| !evm.is_stranger(address));
    for transfer in &outcome.transfers {
        if transfer.from == order.sender && 0 < order.value {
            let (txid, vout, value) = (order.txid.0, order.vout, order.value);
            coins
                .entry(order.sender)
                .or_insert(ContractCoin { txid, vout, value });
        }
        for address in [transfer.from, transfer.to] {
            if let Some(coin) = own(&address) {
                coins.entry(address).or_insert(coin);
            }
        }
        *paid.entry(transfer.from).or_default() += transfer.value;
        *gained.entry(transfer.to).or_default() += transfer.value;
    }
    let parties: BTreeSet<Bytes20> = gained.keys().chain(paid.keys()).copied().collect();
    let mut outputs = Vec::new();
    let mut balances = Vec::new();
    for address in parties {
        let held =
            coins.get(&address).map_or(0, |coin| coin.value) + gained.get(&address).unwrap_or(&0);
        let balance = held.checked_sub(*paid.get(&address).unwrap_or(&0))?;
        let vout = u32::try_from(outputs.len()).ok()?;
        balances.push((address, vout, balance));
        if 0 < balance {
            let stays = evm.exists(&address)
                && !evm.is_stranger(&address)
                && !outcome.destroyed.contains(&address);
            let script = if stays {
                owned_by(&address)
            } else {
                p2pkh(&Account(address))
            };
            outputs.push(TxOut {
                value: balance,
                script,
            });
        }
    }
    let spent = coins.values().filter(|coin| 0 < coin.value);
    let inputs: Vec<_> = spent
        .map(|coin| {
            spend(OutPoint {
                txid: Txid(coin.txid),
                vout: coin.vout,
            })
        })
        .collect();
    if inputs.is_empty() || outputs.is_empty() {
        return None;
    }
    let tx = Tx::new(Transaction {
        version: 2,
        inputs,
        outputs,
        lock_time: 0,
    });
    let others = balances
        .into_iter()
        .filter(|(address, ..)| *address != order.sender);
    let coins = others
        .map(|(address, vout, value)| {
            (
                address,
                (0 < value).then_some(ContractCoin {
                    txid: tx.id().0,
                    vout,
                    value,
                }),
            )
        })
        .collect();
    Some(Condensed { tx, coins })
}

/// The script of an output that a contract owns: a call that runs nothing.
fn owned_by(contract: &Bytes20) -> Script {
    let mut script = vec![1, 0, 1, 0, 1, 0, 1, 0, 20];
    script.extend_from_slice(contract);
    script.push(OP_CALL);
    Script(script)
}
