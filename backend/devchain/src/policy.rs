//! What the mempool takes: consensus rules, standardness, fees and replacement, checked in the order
//! of Qtum Core, so that a transaction with two faults gets the same answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use sparky_protocol::Amount;
use sparky_qtum::Txid;
use sparky_qtum::quantity;
use sparky_qtum::script::{Contract, Kind, OP_CALL, OP_CREATE, OP_SENDER, Pushes, Script};
use sparky_qtum::tx::{OutPoint, Transaction, TxOut};

use crate::block::Tx;
use crate::coins::Coin;
use crate::evm::BLOCK_GAS_LIMIT;
use crate::mempool::{Entry, Mempool, Reject};
use crate::view::View;

/// Satoshi for a thousand virtual bytes: relay, block and dust alike.
pub(crate) const FEE_RATE: u64 = 400_000;
/// What a replacement must pay on top for its own size.
const INCREMENTAL_FEE_RATE: u64 = 10_000;
pub(crate) const MIN_GAS_PRICE: u64 = 40;
const MIN_RELAY_GAS_LIMIT: u64 = 22_000;
const MIN_GAS_LIMIT: u64 = 10_000;
const MAX_STANDARD_GAS_LIMIT: u64 = 20_000_000;
const MAX_MONEY: u64 = 107_822_406 * 100_000_000;
const MAX_WEIGHT: usize = 2_000_000;
const MAX_STANDARD_WEIGHT: usize = 400_000;
const MAX_STANDARD_SCRIPT_SIG: usize = 1_650;
const MAX_DATA_CARRIER: usize = 83;
const MAX_SIGOPS: usize = 4_000;
const CHAIN_LIMIT: usize = 25;
const CHAIN_SIZE_LIMIT: u64 = 101_000;
const MAX_REPLACED: usize = 100;

/// The fee for `vsize` at `rate` satoshi for a thousand bytes.
pub(crate) const fn fee_at(rate: u64, vsize: u64) -> u64 {
    rate.saturating_mul(vsize) / 1_000
}

fn reject<T>(message: impl Into<String>) -> Result<T, Reject> {
    Err(Reject::policy(message))
}

/// Checks everything but signatures, and says what the transaction would replace.
pub(crate) fn check(
    view: &View,
    mempool: &Mempool,
    tx: &Arc<Tx>,
    now: u32,
) -> Result<(Entry, BTreeSet<Txid>), Reject> {
    check_form(tx)?;
    if tx.is_coinbase() {
        return reject("coinbase");
    }
    check_standard(tx)?;
    if tx.lock_time != 0 && !is_final(view, tx) {
        return reject("non-final");
    }
    let conflicts = conflicts(mempool, tx)?;
    let height = view.height();
    let spent = spent_coins(view, mempool, tx)?;
    for coin in &spent {
        if !coin.is_mature(height + 1) {
            let depth = height + 1 - coin.height;
            let message = "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth";
            return reject(format!("{message} {depth}"));
        }
    }
    let outputs: Vec<TxOut> = spent.into_iter().map(|coin| coin.output).collect();
    let total: u64 = outputs.iter().map(|output| output.value).sum();
    let paid: u64 = tx.outputs.iter().map(|output| output.value).sum();
    if total < paid {
        let (total, paid) = (money(total), money(paid));
        return reject(format!(
            "bad-txns-in-belowout, value in ({total}) < value out ({paid})"
        ));
    }
    let entry = Entry::new(Arc::clone(tx), outputs, now, height);
    check_contracts(&entry, mempool.fees.gas_price)?;
    if MAX_SIGOPS < 4 * sigops(tx) {
        return reject(format!("bad-txns-too-many-sigops, {}", 4 * sigops(tx)));
    }
    let needed = fee_at(mempool.fees.rate, entry.vsize());
    if entry.fee < needed {
        return reject(format!("min relay fee not met, {} < {needed}", entry.fee));
    }
    check_chain(mempool, &entry, &conflicts)?;
    let replaced = check_replacement(mempool, &entry, &conflicts)?;
    Ok((entry, replaced))
}

/// Rules that need no context.
fn check_form(tx: &Transaction) -> Result<(), Reject> {
    if tx.inputs.is_empty() {
        return reject("bad-txns-vin-empty");
    }
    if tx.outputs.is_empty() {
        return reject("bad-txns-vout-empty");
    }
    if MAX_WEIGHT < 4 * tx.encode_without_witness().len() {
        return reject("bad-txns-oversize");
    }
    let mut total = 0_u64;
    for output in &tx.outputs {
        if output.value == 0 && output.script.as_bytes().is_empty() {
            return reject("bad-txns-vout-empty");
        }
        if MAX_MONEY < output.value {
            return reject("bad-txns-vout-toolarge");
        }
        total = total.saturating_add(output.value);
        if MAX_MONEY < total {
            return reject("bad-txns-txouttotal-toolarge");
        }
        if has_contract_opcode(&output.script) {
            match Contract::parse(output.script.as_bytes()) {
                Some(contract) if !contract.data.is_empty() => {}
                _ => return reject("bad-txns-contract-nonstandard"),
            }
        }
    }
    let inputs: BTreeSet<OutPoint> = tx.inputs.iter().map(|input| input.previous).collect();
    if inputs.len() < tx.inputs.len() {
        return reject("bad-txns-inputs-duplicate");
    }
    if !tx.is_coinbase() && inputs.contains(&OutPoint::NULL) {
        return reject("bad-txns-prevout-null");
    }
    Ok(())
}

/// Whether the script holds one of Qtum's opcodes outside of a push.
fn has_contract_opcode(script: &Script) -> bool {
    opcodes(script.as_bytes()).any(|opcode| matches!(opcode, OP_CREATE | OP_CALL | OP_SENDER))
}

/// The opcodes of a script without the data of its pushes; ends at a cut push.
fn opcodes(script: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = script;
    std::iter::from_fn(move || {
        let (opcode, after) = rest.split_first()?;
        let little_endian = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
        };
        let (prefix, length) = match opcode {
            short @ 0..0x4c => (0, usize::from(*short)),
            0x4c => (1, little_endian(after.get(..1)?)),
            0x4d => (2, little_endian(after.get(..2)?)),
            0x4e => (4, little_endian(after.get(..4)?)),
            _ => (0, 0),
        };
        rest = after.get(prefix + length..)?;
        Some(*opcode)
    })
}

/// Signature checks as they were counted before there were witnesses.
pub(crate) fn sigops(tx: &Transaction) -> usize {
    let inputs = tx.inputs.iter().map(|input| &input.script_sig);
    let outputs = tx.outputs.iter().map(|output| &output.script);
    inputs
        .chain(outputs)
        .map(|script| opcodes(script.as_bytes()).map(cost).sum::<usize>())
        .sum()
}

const fn cost(opcode: u8) -> usize {
    match opcode {
        0xac | 0xad => 1,
        0xae | 0xaf => 20,
        _ => 0,
    }
}

fn check_standard(tx: &Tx) -> Result<(), Reject> {
    if !(1..=2).contains(&tx.version) {
        return reject("version");
    }
    if MAX_STANDARD_WEIGHT < tx.weight() {
        return reject("tx-size");
    }
    for input in &tx.inputs {
        if MAX_STANDARD_SCRIPT_SIG < input.script_sig.as_bytes().len() {
            return reject("scriptsig-size");
        }
        if !Pushes::new(input.script_sig.as_bytes()).only_pushes() {
            return reject("scriptsig-not-pushonly");
        }
    }
    let mut data_outputs = 0;
    for output in &tx.outputs {
        let kind = output.script.kind();
        let is_standard = match &kind {
            Kind::NonStandard => false,
            Kind::NullData => output.script.as_bytes().len() <= MAX_DATA_CARRIER,
            Kind::Multisig => matches!(
                output.script.as_bytes().iter().rev().nth(1),
                Some(0x51..=0x53)
            ),
            Kind::Contract(contract) if contract.version != 0 => {
                (MIN_GAS_LIMIT..=MAX_STANDARD_GAS_LIMIT).contains(&contract.gas.limit)
            }
            _ => true,
        };
        if !is_standard {
            return reject("scriptpubkey");
        }
        if kind == Kind::NullData {
            data_outputs += 1;
        } else if output.value < dust_limit(&kind, &output.script) {
            return reject("dust");
        }
    }
    if 1 < data_outputs {
        return reject("multi-op-return");
    }
    if tx.encode_without_witness().len() < 65 {
        return reject("tx-size-small");
    }
    Ok(())
}

/// What spending the output would cost. Contract outputs are exempt.
fn dust_limit(kind: &Kind, script: &Script) -> u64 {
    let spending = match kind {
        Kind::Contract(_) => return 0,
        Kind::WitnessKeyHash(_)
        | Kind::WitnessScriptHash(_)
        | Kind::WitnessTaproot(_)
        | Kind::WitnessUnknown => 67,
        _ => 148,
    };
    fee_at(FEE_RATE, 9 + script.as_bytes().len() as u64 + spending)
}

fn is_final(view: &View, tx: &Transaction) -> bool {
    let limit = if tx.lock_time < 500_000_000 {
        view.height() + 1
    } else {
        view.median_time()
    };
    tx.lock_time < limit || tx.inputs.iter().all(|input| input.sequence == u32::MAX)
}

/// The waiting transactions that spend the same outputs.
fn conflicts(mempool: &Mempool, tx: &Transaction) -> Result<BTreeSet<Txid>, Reject> {
    let mut found = BTreeSet::new();
    for input in &tx.inputs {
        if let Some(txid) = mempool.spender(&input.previous) {
            if mempool
                .get(&txid)
                .is_some_and(|entry| !entry.is_replaceable())
            {
                return reject("txn-mempool-conflict");
            }
            found.insert(txid);
        }
    }
    Ok(found)
}

fn spent_coins(view: &View, mempool: &Mempool, tx: &Transaction) -> Result<Vec<Coin>, Reject> {
    let missing = || Reject {
        code: -25,
        message: "bad-txns-inputs-missingorspent".to_owned(),
    };
    let coin = |outpoint| {
        view.coins
            .get(outpoint)
            .cloned()
            .or_else(|| mempool.coin(outpoint, view.height() + 1))
    };
    tx.inputs
        .iter()
        .map(|input| coin(&input.previous).ok_or_else(missing))
        .collect()
}

fn check_contracts(entry: &Entry, least_gas_price: u64) -> Result<(), Reject> {
    let contracts: Vec<Contract> = entry
        .tx
        .outputs
        .iter()
        .filter_map(|output| Contract::parse(output.script.as_bytes()))
        .collect();
    if contracts.is_empty() {
        return Ok(());
    }
    if entry
        .spent
        .first()
        .is_none_or(|output| output.script.kind().sender().is_none())
    {
        return reject("bad-txns-invalid-sender-script");
    }
    let (mut stipend, mut gas) = (0_u64, 0_u64);
    for contract in &contracts {
        stipend = match contract
            .gas
            .cost()
            .and_then(|cost| stipend.checked_add(cost))
        {
            Some(sum) if i64::try_from(sum).is_ok() => sum,
            _ => {
                return reject(
                    "bad-tx-gas-stipend-overflow, AcceptToMempool(): Transaction's gas stipend overflows",
                );
            }
        };
        if entry.fee < stipend {
            return reject(
                "bad-txns-fee-notenough, AcceptToMempool(): Transaction fee does not cover the gas stipend",
            );
        }
        if contract.version != u64::from(sparky_qtum::script::EVM_VERSION) {
            return reject(
                "bad-tx-version-rootvm, AcceptToMempool(): Contract execution uses unknown root VM",
            );
        }
        if contract.gas.limit < MIN_RELAY_GAS_LIMIT {
            return reject(
                "bad-tx-too-little-mempool-gas, AcceptToMempool(): Contract execution has lower gas limit than \
                 allowed to accept into mempool",
            );
        }
        gas = gas.saturating_add(contract.gas.limit);
        if BLOCK_GAS_LIMIT < gas {
            return reject("bad-txns-gas-exceeds-blockgaslimit");
        }
        if contract.gas.price < least_gas_price {
            return reject(
                "bad-tx-low-gas-price, AcceptToMempool(): Contract execution has lower gas price than allowed",
            );
        }
    }
    Ok(())
}

/// At most 25 unconfirmed transactions in a row, and 101 kB of them.
fn check_chain(mempool: &Mempool, entry: &Entry, conflicts: &BTreeSet<Txid>) -> Result<(), Reject> {
    let parents = entry.tx.inputs.iter().map(|input| input.previous.txid);
    let ancestors: BTreeSet<Txid> = parents
        .flat_map(|parent| mempool.ancestors(&parent))
        .collect();
    if CHAIN_LIMIT < ancestors.len() + 1 {
        return reject("too-long-mempool-chain, too many unconfirmed ancestors [limit: 25]");
    }
    let size = |txids: &BTreeSet<Txid>| -> u64 {
        txids
            .iter()
            .filter_map(|txid| mempool.get(txid))
            .map(Entry::vsize)
            .sum()
    };
    if CHAIN_SIZE_LIMIT < entry.vsize() + size(&ancestors) {
        return reject("too-long-mempool-chain, exceeds ancestor size limit [limit: 101000]");
    }
    for ancestor in &ancestors {
        let descendants = mempool.descendants(ancestor);
        let replaced = descendants.intersection(conflicts).count();
        if CHAIN_LIMIT < descendants.len() + 1 - replaced {
            let message = "too-long-mempool-chain, too many descendants for tx";
            return reject(format!("{message} {ancestor} [limit: 25]"));
        }
        if CHAIN_SIZE_LIMIT < entry.vsize() + size(&descendants) {
            let message = "too-long-mempool-chain, exceeds descendant size limit for tx";
            return reject(format!("{message} {ancestor} [limit: 101000]"));
        }
    }
    match ancestors.intersection(conflicts).next() {
        Some(conflict) => reject(format!(
            "bad-txns-spends-conflicting-tx, {} spends conflicting transaction {conflict}",
            entry.tx.id()
        )),
        None => Ok(()),
    }
}

/// A replacement must pay a higher rate than each it conflicts with, more than all that go, and its
/// own relay on top.
fn check_replacement(
    mempool: &Mempool,
    entry: &Entry,
    conflicts: &BTreeSet<Txid>,
) -> Result<BTreeSet<Txid>, Reject> {
    let txid = entry.tx.id();
    let rate = |entry: &Entry| entry.fee.saturating_mul(1_000) / entry.vsize().max(1);
    for old in conflicts.iter().filter_map(|txid| mempool.get(txid)) {
        if rate(entry) <= rate(old) {
            return reject(format!(
                "insufficient fee, rejecting replacement {txid}; new feerate {} QTUM/kvB <= old feerate {} QTUM/kvB",
                money(rate(entry)),
                money(rate(old)),
            ));
        }
    }
    let replaced: BTreeSet<Txid> = conflicts
        .iter()
        .flat_map(|txid| mempool.descendants(txid))
        .collect();
    if MAX_REPLACED < replaced.len() {
        return reject(format!(
            "too many potential replacements, rejecting replacement {txid}"
        ));
    }
    let old_parents: BTreeSet<OutPoint> = conflicts
        .iter()
        .filter_map(|txid| mempool.get(txid))
        .flat_map(|old| old.tx.inputs.iter().map(|input| input.previous))
        .collect();
    for input in entry.tx.inputs.iter().map(|input| &input.previous) {
        let is_new = !old_parents.iter().any(|parent| parent.txid == input.txid);
        if !conflicts.is_empty() && is_new && mempool.get(&input.txid).is_some() {
            return reject(format!(
                "replacement-adds-unconfirmed, replacement {txid} adds unconfirmed input"
            ));
        }
    }
    let old_fees: u64 = replaced
        .iter()
        .filter_map(|txid| mempool.get(txid))
        .map(|old| old.fee)
        .sum();
    let relay = fee_at(INCREMENTAL_FEE_RATE, entry.vsize());
    if !replaced.is_empty() {
        if entry.fee < old_fees {
            return reject(format!(
                "insufficient fee, rejecting replacement {txid}, less fees than conflicting txs; {} < {}",
                money(entry.fee),
                money(old_fees),
            ));
        }
        if entry.fee - old_fees < relay {
            return reject(format!(
                "insufficient fee, rejecting replacement {txid}, not enough additional fees to relay; {} < {}",
                money(entry.fee - old_fees),
                money(relay),
            ));
        }
    }
    Ok(replaced)
}

fn money(satoshi: u64) -> String {
    quantity::format_full(Amount(satoshi.into()))
}
