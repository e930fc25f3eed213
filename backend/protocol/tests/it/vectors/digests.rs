//! What is hashed and signed.

use serde_json::{Value, json};
use sparky_protocol::{
    Amount, BalanceProof, CooperativeClose, CooperativeWithdraw, Domain, Hash, Login, Net, Side,
    UnsignedAck, lock,
};

use super::{channel_id, channels, dev, domains, key, lock_number};

pub fn all() -> Value {
    json!({
        "domains": domains().map(|domain| json!({
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
            "domainSeparator": domain.separator(),
        })).collect::<Vec<_>>(),
        "channels": channels().iter().map(|params| json!({
            "number": params.number.to_string(),
            "accountA": params.account_a,
            "accountB": params.account_b,
            "token": params.token,
            "window": params.window,
            "penaltyBps": params.penalty_bps,
            "channelId": params.id(),
        })).collect::<Vec<_>>(),
        "balanceProofs": balance_proofs(),
        "acks": acks(),
        "cooperativeCloses": cooperative_closes(),
        "cooperativeWithdraws": cooperative_withdraws(),
        "logins": logins(),
    })
}

pub fn proofs() -> [BalanceProof; 4] {
    let (channel_id, locks_root) = (channel_id(), Hash::ZERO);
    let proof = BalanceProof {
        channel_id,
        nonce: 1,
        transferred: Amount(2_000_000_000),
        locks_root,
    };
    let with_lock = BalanceProof {
        nonce: 2,
        locks_root: lock::root(&[lock_number(1)]),
        ..proof
    };
    let empty = BalanceProof {
        nonce: 0,
        transferred: Amount::ZERO,
        ..proof
    };
    let nonce = sparky_protocol::MAX_NONCE;
    let locks_root = Hash([0xff; 32]);
    [
        proof,
        with_lock,
        empty,
        BalanceProof {
            channel_id,
            nonce,
            transferred: Amount::MAX,
            locks_root,
        },
    ]
}

fn balance_proofs() -> Vec<Value> {
    let row = |domain: &Domain, proof: &BalanceProof| {
        json!({
            "chainId": domain.chain_id,
            "verifyingContract": domain.contract,
            "channelId": proof.channel_id,
            "nonce": proof.nonce.to_string(),
            "transferred": proof.transferred,
            "locksRoot": proof.locks_root,
            "structHash": proof.struct_hash(),
            "digest": proof.digest(domain),
        })
    };
    let domains = domains();
    domains
        .flat_map(|domain| proofs().map(|proof| row(&domain, &proof)))
        .collect()
}

fn acks() -> Vec<Value> {
    let row = |proof: &BalanceProof| {
        let (channel_id, nonce, proof_hash) = (proof.channel_id, proof.nonce, proof.struct_hash());
        let ack = UnsignedAck {
            channel_id,
            sender: Side::A,
            nonce,
            proof_hash,
        };
        json!({
            "chainId": dev().chain_id,
            "verifyingContract": dev().contract,
            "proofHash": proof_hash,
            "digest": ack.digest(&dev()),
        })
    };
    proofs().iter().map(row).collect()
}

fn cooperative_closes() -> Vec<Value> {
    let rows = [
        (Net(-2_000_000_000), 0, 1_000),
        (Net(0), 1, 1),
        (Net::MAX, u16::MAX, u32::MAX),
        (Net::MIN, 7, 2_147_483_648),
    ];
    let row = |(net_to_a, sequence, valid_until)| {
        let close = CooperativeClose {
            channel_id: channel_id(),
            net_to_a,
            sequence,
            valid_until,
        };
        json!({
            "chainId": dev().chain_id,
            "verifyingContract": dev().contract,
            "channelId": close.channel_id,
            "netToA": close.net_to_a,
            "sequence": close.sequence,
            "validUntil": close.valid_until,
            "digest": close.digest(&dev()),
        })
    };
    rows.map(row).into()
}

fn cooperative_withdraws() -> Vec<Value> {
    let rows = [
        (Side::A, Amount(1), 0, 1_000),
        (Side::B, Amount(1), 0, 1_000),
        (Side::B, Amount::MAX, u16::MAX, u32::MAX),
    ];
    let row = |(from, amount, sequence, valid_until)| {
        let channel_id = channel_id();
        let withdraw = CooperativeWithdraw {
            channel_id,
            from,
            amount,
            sequence,
            valid_until,
        };
        json!({
            "chainId": dev().chain_id,
            "verifyingContract": dev().contract,
            "channelId": channel_id,
            "fromB": withdraw.from.is_b(),
            "amount": withdraw.amount,
            "sequence": withdraw.sequence,
            "validUntil": withdraw.valid_until,
            "digest": withdraw.digest(&dev()),
        })
    };
    rows.map(row).into()
}

fn logins() -> Vec<Value> {
    let login = Login {
        account: key(0).account(),
        relay: "http://127.0.0.1:8080".into(),
        origin: "http://127.0.0.1:8080".into(),
        nonce: Hash([0x11; 32]),
        issued_at: 1_700_000_000,
        expires_at: 1_700_000_300,
    };
    vec![json!({
        "account": login.account,
        "relay": login.relay,
        "origin": login.origin,
        "nonce": login.nonce,
        "issuedAt": login.issued_at.to_string(),
        "expiresAt": login.expires_at.to_string(),
        "digest": login.digest(),
    })]
}
