//! Keys at rest.

use crate::sandbox::{Outcome, Sandbox};

const ALICE: &str = "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDZ";

fn call(sandbox: &Sandbox, arguments: &[&str], passphrase: &str, input: &str) -> Outcome {
    sandbox.run_with(
        &[&["wallet"], arguments].concat(),
        &[("SPARKY_PASSPHRASE", passphrase)],
        input,
    )
}

#[test]
fn a_key_goes_in_and_comes_out_again() {
    let sandbox = Sandbox::empty();
    let imported = call(&sandbox, &["import"], "correct horse", ALICE);
    assert_eq!(
        imported.json["address"], "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
        "{imported:?}"
    );
    assert_eq!(
        call(&sandbox, &["export"], "correct horse", "").json["wif"],
        ALICE
    );
    let refused = call(&sandbox, &["export"], "wrong horse", "");
    assert_eq!(
        (refused.code, refused.problem["code"].as_str()),
        (4, Some("wrong-passphrase"))
    );

    // What is on disk is sealed, and for our eyes only.
    let path = sandbox.path().join("profiles/dev/default/key.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains(ALICE) && !text.contains("7826adc1"),
        "{text}"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o077, 0);

    let again = call(&sandbox, &["create"], "p", "");
    assert_eq!(
        (again.code, again.problem["code"].as_str()),
        (7, Some("wallet-exists"))
    );
}

#[test]
fn bad_keys_are_refused_and_nothing_is_stored() {
    let sandbox = Sandbox::empty();
    for (wif, network, code) in [
        (
            "cRcG1jizfBzHxfwu68aMjhy78CpnzD9gJYZ5ggDbzfYD3EQfGUDA",
            "dev",
            "invalid-wif",
        ),
        ("nonsense", "dev", "invalid-wif"),
        ("", "dev", "invalid-wif"),
        // The key 1 for mainnet, compressed; and uncompressed for testnet.
        (
            "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn",
            "dev",
            "wrong-key-network",
        ),
        (
            "91avARGdfge8E4tZfYLoxeJ5sGBdNJQH4kvjJoQFacbgwmaKkrx",
            "dev",
            "uncompressed-key",
        ),
        (ALICE, "testnet", "demo-key-refused"),
    ] {
        let outcome = call(&sandbox, &["import", "--network", network], "p", wif);
        assert_eq!(
            (outcome.code, outcome.problem["code"].as_str()),
            (7, Some(code)),
            "{wif}: {outcome:?}"
        );
    }
    assert_eq!(
        call(&sandbox, &["address"], "p", "").problem["code"],
        "no-wallet"
    );
}

#[test]
fn a_new_key_is_new_and_needs_a_passphrase() {
    let sandbox = Sandbox::empty();
    assert_eq!(
        call(&sandbox, &["create"], "", "").problem["code"],
        "passphrase-needed"
    );
    let one = call(&sandbox, &["--profile", "one", "create"], "p", "");
    let two = call(&sandbox, &["--profile", "two", "create"], "p", "");
    assert_ne!(one.json["address"], two.json["address"]);
    assert_eq!(
        call(&sandbox, &["--profile", "one", "address"], "", "").json,
        one.json
    );
}
