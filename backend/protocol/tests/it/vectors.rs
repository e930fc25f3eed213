//! `docs/spec/vectors`: what other implementations, the contract first, must reproduce.
//!
//! The test compares; `SPARKY_WRITE_VECTORS=1` writes the files again after a deliberate change.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use sparky_protocol::{
    Account, Amount, BalanceProof, ChannelId, ChannelParams, CooperativeClose, CooperativeWithdraw,
    Domain, Hash, Lock, Login, Net, Preimage, SecretKey, Side, Signature, UnsignedAck, lock,
    settlement::{Owed, Payout, SettleInput, settle},
};

/// The keys of the original demo, as in its README; public, worthless outside dev and regtest.
const DEMO_KEYS: [(&str, &str, &str); 3] = [
    (
        "Alice",
        "0x7826adc1127b8cf34c47b2c7909904109d7fe404be04838e323082981c51340e",
        "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ",
    ),
    (
        "Bob",
        "0x00821d8c8a3627adc68aa4034fea953b2f5da553fab312db3fa274240bd49f35",
        "cMbgxCJrTYUqgcmiC1berh5DFrtY1KeU4PXZ6NZxgenniF1mXCRk",
    ),
    (
        "the contract's deployer",
        "0xe782289f3f4cae2c743f3bbe8ea1774bada2647680c4d7c2a7cf76d13eb948ba",
        "cVLiw3xKLNVMVKkhNhQGxHc6VmAgdu7jeyt2KYND2BCbwnHqiPBw",
    ),
];

fn key(at: usize) -> SecretKey {
    let bytes: Hash = DEMO_KEYS[at].1.parse().expect("hex");
    SecretKey::from_bytes(&bytes.0).expect("a key")
}

#[test]
fn digests() {
    check(
        "digests",
        &json!({
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
        }),
    );
}

#[test]
fn locks() {
    let rows: Vec<_> = [("none", 0), ("one", 1), ("two", 2), ("sixty-four", 64)]
        .map(|(name, count)| {
            let locks: Vec<_> = (1..=count).map(lock_number).collect();
            json!({
                "name": name,
                "locks": locks,
                "packed": format!("0x{}", hex(&lock::pack(&locks))),
                "locksRoot": lock::root(&locks),
                "total": lock::total(&locks),
            })
        })
        .into();
    let preimages: Vec<_> = [0, 1, 0xff]
        .map(|byte| Preimage([byte; 32]))
        .map(|preimage| json!({ "preimage": preimage, "paymentHash": preimage.payment_hash() }))
        .into();
    check("locks", &json!({ "lists": rows, "preimages": preimages }));
}

#[test]
fn settlements() {
    let mut rows = named_settlements();
    let mut dice = Dice(0x5eed);
    rows.extend((0..240).map(|at| settlement(&format!("random {at}"), &random_input(&mut dice))));
    check("settlements", &json!(rows));
}

#[test]
fn signatures() {
    let keys: Vec<_> = (0..DEMO_KEYS.len())
        .map(|at| {
            json!({
                "name": DEMO_KEYS[at].0,
                "wif": DEMO_KEYS[at].2,
                "secretKey": DEMO_KEYS[at].1,
                "publicKey": key(at).public_key(),
                "account": key(at).account(),
                "ecRecoveryAddress": key(at).signer(),
            })
        })
        .collect();
    check(
        "signatures",
        &json!({ "keys": keys, "signatures": signature_rows() }),
    );
}

/// UX.md prints these for the demo; they come from the original demo's README.
#[test]
fn demo_accounts_have_the_recovery_addresses_of_the_original_demo() {
    let signers = [
        "0x0cf28703ecc9c7db28f3d496e41666445b0a4eaf",
        "0x6fd56e72373a34ba39bf4167af82e7a411bfed47",
    ];
    for (at, signer) in signers.iter().enumerate() {
        assert_eq!(key(at).signer().to_string(), *signer);
    }
}

fn domains() -> impl Iterator<Item = Domain> {
    let contract = Account([0xc0; 20]);
    [81, 8_889, 8_890]
        .into_iter()
        .map(move |chain_id| Domain { chain_id, contract })
}

fn dev() -> Domain {
    Domain {
        chain_id: 8_890,
        contract: Account([0xc0; 20]),
    }
}

fn channels() -> [ChannelParams; 3] {
    let params = ChannelParams {
        number: 1,
        account_a: key(0).account(),
        account_b: key(1).account(),
        token: Account::ZERO,
        window: 50,
        penalty_bps: 10_000,
    };
    let token = ChannelParams {
        number: 2,
        token: Account([0x70; 20]),
        ..params
    };
    let extreme = ChannelParams {
        number: u64::MAX,
        account_a: params.account_b,
        account_b: params.account_a,
        token: Account([0xff; 20]),
        window: u32::MAX,
        penalty_bps: u16::MAX,
    };
    [params, token, extreme]
}

fn channel_id() -> ChannelId {
    channels()[0].id()
}

fn proofs() -> [BalanceProof; 4] {
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

fn lock_number(id: u64) -> Lock {
    Lock {
        id,
        amount: Amount(u128::from(id) * 1_000),
        expiry: 100 + u32::try_from(id).expect("small"),
        payment_hash: Preimage([u8::try_from(id).expect("small"); 32]).payment_hash(),
    }
}

fn signature_rows() -> Vec<Value> {
    let row = |name: &str, digest: &Hash, account: &Account, signature: &Signature| {
        let parts = [signature.r, signature.vs, signature.x, signature.y].map(Hash);
        json!({
            "name": name,
            "digest": digest,
            "account": account,
            "r": parts[0],
            "vs": parts[1],
            "x": parts[2],
            "y": parts[3],
            "valid": signature.verify(digest, account).is_ok(),
        })
    };
    let mut rows = Vec::new();
    for at in 0..2 {
        for proof in proofs() {
            let digest = proof.digest(&dev());
            let name = format!("{}, proof {}", DEMO_KEYS[at].0, proof.nonce);
            rows.push(row(
                &name,
                &digest,
                &key(at).account(),
                &key(at).sign(&digest),
            ));
        }
    }
    let digest = proofs()[0].digest(&dev());
    let good = key(0).sign(&digest);
    let mut parity = good;
    parity.vs[0] ^= 0x80;
    let forged = [
        ("the parity bit flipped", parity),
        (
            "s above half the order",
            Signature {
                vs: high_s(&good.vs),
                ..good
            },
        ),
        ("r zero", Signature { r: [0; 32], ..good }),
        (
            "s zero",
            Signature {
                vs: [0; 32],
                ..good
            },
        ),
        (
            "r above the order",
            Signature {
                r: [0xff; 32],
                ..good
            },
        ),
        (
            "another y of the same parity",
            Signature {
                y: [0x02; 32],
                ..good
            },
        ),
        ("the partner's key", key(1).sign(&digest)),
        ("over another digest", key(0).sign(&Hash::ZERO)),
        ("absent", Signature::ABSENT),
    ];
    for (name, signature) in forged {
        let forged = row(name, &digest, &key(0).account(), &signature);
        assert_eq!(forged["valid"], json!(false), "{name}");
        rows.push(forged);
    }
    rows
}

/// `order − s`, whose top bit is then read as parity as well.
fn high_s(vs: &[u8; 32]) -> [u8; 32] {
    const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order: Hash = ORDER.parse().expect("hex");
    let mut difference = [0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let s = if at == 0 { vs[0] & 0x7f } else { vs[at] };
        let left = 256 + i16::from(order.0[at]) - i16::from(s) - borrow;
        difference[at] = u8::try_from(left % 256).expect("a byte");
        borrow = i16::from(left < 256);
    }
    difference
}

fn settlement(name: &str, input: &SettleInput) -> Value {
    let Payout {
        pay_a,
        pay_b,
        penalty,
    } = settle(input);
    let [a, b] = input.owed;
    json!({
        "name": name,
        "netA": input.net[0],
        "netB": input.net[1],
        "transferredA": a.transferred,
        "floorA": a.floor,
        "unlockedA": a.unlocked,
        "transferredB": b.transferred,
        "floorB": b.floor,
        "unlockedB": b.unlocked,
        "closedByB": input.closer.is_b(),
        "recovered": input.declared.is_none(),
        "declared": input.declared.unwrap_or(Amount::ZERO),
        "penaltyBps": input.penalty_bps,
        "payA": pay_a,
        "payB": pay_b,
        "penalty": penalty,
    })
}

fn named_settlements() -> Vec<Value> {
    let owed = |transferred, floor, unlocked| Owed {
        transferred: Amount(transferred),
        floor: Amount(floor),
        unlocked: Amount(unlocked),
    };
    let input = SettleInput {
        net: [Net(400), Net(0)],
        owed: [owed(500, 200, 0), owed(100, 0, 0)],
        closer: Side::A,
        declared: Some(Amount(200)),
        penalty_bps: 10_000,
    };
    let liar = SettleInput {
        net: [Net(100), Net(0)],
        owed: [owed(50, 20, 0), owed(0, 0, 0)],
        declared: Some(Amount(20)),
        ..input
    };
    let old = SettleInput {
        net: [Net(21), Net(64)],
        owed: [owed(9, 15, 6), owed(26, 0, 0)],
        declared: Some(Amount(15)),
        ..input
    };
    let huge = owed(Amount::MAX.0, Amount::MAX.0, 64 * Amount::MAX.0);
    [
        (
            "the story of 400: the old state is answered, everything is Bob's",
            input,
        ),
        (
            "the same after recover",
            SettleInput {
                declared: None,
                ..input
            },
        ),
        ("she hides 30 and pays for the lie", liar),
        (
            "the penalty takes everything",
            SettleInput {
                penalty_bps: u16::MAX,
                ..liar
            },
        ),
        (
            "no penalty is agreed",
            SettleInput {
                penalty_bps: 0,
                ..liar
            },
        ),
        (
            "recovered: no penalty",
            SettleInput {
                declared: None,
                ..liar
            },
        ),
        ("an old state with locks, Raiden's truncation case", old),
        (
            "a withdrawal made a net negative",
            SettleInput {
                net: [Net(-30), Net(90)],
                ..liar
            },
        ),
        (
            "nothing at all",
            SettleInput {
                net: [Net(0); 2],
                ..liar
            },
        ),
        (
            "all figures at their limits",
            SettleInput {
                net: [Net::MAX; 2],
                owed: [huge, huge],
                closer: Side::B,
                declared: Some(Amount::ZERO),
                penalty_bps: u16::MAX,
            },
        ),
    ]
    .iter()
    .map(|(name, input)| settlement(name, input))
    .collect()
}

fn random_input(dice: &mut Dice) -> SettleInput {
    let scale = [10, 1_000, 100_000_000, Amount::MAX.0][dice.below(4)];
    let net = {
        let deposits = [dice.amount(scale / 2), dice.amount(scale / 2)];
        let out = dice.amount(deposits[0] + deposits[1]);
        let signed = |amount: u128| i128::try_from(amount).expect("below 2^97");
        [
            Net(signed(deposits[0]) - signed(out)),
            Net(signed(deposits[1])),
        ]
    };
    let mut owed = || Owed {
        transferred: Amount(dice.amount(scale)),
        floor: Amount(dice.amount(scale)),
        unlocked: Amount(dice.amount(scale / 4)),
    };
    let owed = [owed(), owed()];
    let closer = Side::from_flag(dice.below(2) == 1);
    let declared = (dice.below(4) != 0).then(|| Amount(dice.amount(owed[closer.index()].floor.0)));
    let penalty_bps = [0, 1, 5_000, 10_000, u16::MAX][dice.below(5)];
    SettleInput {
        net,
        owed,
        closer,
        declared,
        penalty_bps,
    }
}

/// Repeatable numbers (SplitMix64); the vectors must not depend on a random library.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit).expect("small")
    }

    fn amount(&mut self, most: u128) -> u128 {
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        wide % (most + 1)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn check(name: &str, vectors: &Value) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors");
    let path = directory.join(format!("{name}.json"));
    let text = format!("{}\n", serde_json::to_string_pretty(vectors).expect("JSON"));
    if std::env::var_os("SPARKY_WRITE_VECTORS").is_some() {
        fs::write(&path, &text).expect("docs/spec/vectors can be written");
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == text,
        "{name}.json differs; SPARKY_WRITE_VECTORS=1 writes it again"
    );
}
