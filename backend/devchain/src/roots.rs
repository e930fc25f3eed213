//! The two roots in a block header: of the contracts' state and of their coins.
//!
//! They are qtumd's, so block hashes are qtumd's as well, which contracts can see (`BLOCKHASH`).

use std::collections::BTreeMap;

use crate::block::constant;
use crate::evm::{Bytes20, Bytes32, Evm};
use crate::trie::{keccak, rlp_bytes, rlp_list, rlp_number, secure_root, trimmed};

/// The code of the contracts at `0x80` to `0x84`, in which stakers vote on gas and block size. Only
/// its hash is known here: the votes are constants, and nobody calls them.
const GOVERNANCE_CODE_HASH: Bytes32 =
    constant(b"0736d7cda6e194bc3e848ed7e5ed4953f103c222c00703252496e35279eaad8c");
const GOVERNANCE_STORAGE_ROOT: Bytes32 =
    constant(b"af2dafc3f0e8f58156873ddb48ee335b27bf5c336d5e36508c875655cc5e1426");
/// The code of the contract at `0x86`, where staking is delegated; deployed in block 1.
const DELEGATION_CODE_HASH: Bytes32 =
    constant(b"cf0ccea7f92a6093e3fa1a2603f417ef634749dc6ce185ac171479a04d4564a6");

/// The contracts that exist without having been deployed by a transaction.
pub(crate) const SYSTEM_CONTRACTS: [u8; 6] = [0x80, 0x81, 0x82, 0x83, 0x84, 0x86];

/// The address of a system contract.
pub(crate) const fn system_address(number: u8) -> Bytes20 {
    let mut address = [0; 20];
    address[19] = number;
    address
}

/// State and UTXO root, as receipts print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roots {
    pub state: Bytes32,
    pub utxo: Bytes32,
}

/// Remembers what did not change, so that a block costs what it changed.
#[derive(Default)]
pub(crate) struct RootCache {
    /// Storage roots of contracts that have not changed since.
    storage: BTreeMap<Bytes20, Vec<u8>>,
    /// The roots when nothing was left to settle.
    settled: Option<(bool, Roots)>,
}

impl RootCache {
    /// The roots after block 0 (without the delegation contract) or later.
    pub fn roots(&mut self, evm: &mut Evm, has_delegation: bool) -> Roots {
        let is_settled = evm.is_settled();
        if let Some((had_delegation, roots)) = self.settled
            && is_settled
            && had_delegation == has_delegation
        {
            return roots;
        }
        for address in evm.take_dirty() {
            self.storage.remove(&address);
        }
        let live = evm.contracts();
        self.storage
            .retain(|address, _| live.binary_search(address).is_ok());
        let mut leaves = Vec::with_capacity(live.len() + SYSTEM_CONTRACTS.len());
        for address in live {
            let storage_root = self
                .storage
                .entry(address)
                .or_insert_with(|| storage_root(evm, &address));
            leaves.push((address.to_vec(), account(evm, &address, storage_root)));
        }
        for number in SYSTEM_CONTRACTS {
            let leaf = match number {
                0x86 if !has_delegation => continue,
                0x86 => [
                    rlp_number(0),
                    rlp_number(0),
                    rlp_bytes(&secure_root([])),
                    rlp_bytes(&DELEGATION_CODE_HASH),
                ],
                _ => {
                    let (storage, code) = (
                        rlp_bytes(&GOVERNANCE_STORAGE_ROOT),
                        rlp_bytes(&GOVERNANCE_CODE_HASH),
                    );
                    [rlp_number(0), rlp_number(0), storage, code]
                }
            };
            leaves.push((system_address(number).to_vec(), rlp_list(&leaf)));
        }
        let coins = evm.coins().into_iter().map(|(address, coin)| {
            let fields = [
                rlp_bytes(&coin.txid),
                rlp_number(coin.vout.into()),
                rlp_number(coin.value),
                rlp_number(1),
            ];
            (address.to_vec(), rlp_list(&fields))
        });
        let roots = Roots {
            state: secure_root(leaves),
            utxo: secure_root(coins),
        };
        self.settled = is_settled.then_some((has_delegation, roots));
        roots
    }
}

fn storage_root(evm: &Evm, address: &Bytes20) -> Vec<u8> {
    let slots = evm.all_storage(address).into_iter();
    secure_root(slots.map(|(key, value)| (key.to_vec(), rlp_bytes(trimmed(&value))))).to_vec()
}

fn account(evm: &Evm, address: &Bytes20, storage_root: &[u8]) -> Vec<u8> {
    let Some(account) = evm.account(address) else {
        return rlp_list(&[]);
    };
    let code_hash = keccak(&account.code);
    let fields = [
        rlp_number(account.nonce),
        rlp_number(account.balance),
        rlp_bytes(storage_root),
        rlp_bytes(&code_hash),
    ];
    rlp_list(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_roots_are_those_of_qtums_genesis() {
        let mut evm = Evm::default();
        let roots = RootCache::default().roots(&mut evm, false);
        assert_eq!(
            hex::encode(roots.state),
            "e965ffd002cd6ad0e2dc402b8044de833e06b23127ea8c3d80aec91410771495"
        );
        let roots = RootCache::default().roots(&mut evm, true);
        assert_eq!(
            hex::encode(roots.state),
            "3b494f854c3c2f6cbf134dbdea078a1b1c7509a9e0acc20ec41e7b258b4447e3"
        );
    }
}
