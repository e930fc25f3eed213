//! `sparky devchain cli` against a chain that runs on its own: what one types after `qtum-cli`.

use std::process::Command;

use crate::sandbox::Service;

/// Exit code, standard output and standard error of a call.
fn call(node: &Service, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args(["devchain", "cli", "--rpc-url", &node.url])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[track_caller]
fn ok(node: &Service, arguments: &[&str]) -> String {
    let (code, out, err) = call(node, arguments);
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out
}

#[test]
fn any_method_can_be_called_as_with_qtum_cli() {
    let node = Service::start(&["devchain", "--rpc-port", "0", "--empty"]);
    assert_eq!(ok(&node, &["getblockcount"]), "0");
    let created = ok(&node, &["createwallet", "w"]);
    assert_eq!(created, "{\n  \"name\": \"w\"\n}");
    let address = ok(&node, &["getnewaddress"]);
    assert!(
        address.starts_with('q'),
        "text comes without quotes: {address}"
    );
    ok(&node, &["generatetoaddress", "2001", &address]);
    // Amounts keep their eight decimals.
    assert_eq!(ok(&node, &["getbalance"]), "20000.00000000");
    let utxos = ok(
        &node,
        &[
            "getaddressutxos",
            &format!("{{\"addresses\":[\"{address}\"]}}"),
        ],
    );
    assert!(utxos.contains("\"satoshis\": 2000000000000"), "{utxos}");
    let txid = ok(
        &node,
        &[
            "--wallet",
            "w",
            "sendtoaddress",
            "qLn9vqbr2Gx3TsVR9QyTVB5mrMoh4x43Uf",
            "1.5",
        ],
    );
    assert_eq!(txid.len(), 64);
    let unspent = ok(&node, &["listunspent", "0"]);
    assert!(unspent.contains("\"confirmations\": 0"), "{unspent}");
    // PUSH1 1 PUSH1 0 SSTORE: a deployment, then a call.
    let contract = ok(
        &node,
        &["createcontract", "6001600055", "100000", "0.0000004"],
    );
    assert!(contract.contains("\"hash160\""), "{contract}");
    ok(&node, &["generatetoaddress", "1", &address]);
    assert_eq!(
        ok(&node, &["setmocktime", "0"]),
        "",
        "nothing is printed as nothing"
    );
}

#[test]
fn errors_have_qtum_clis_words_and_codes() {
    let node = Service::start(&["devchain", "--rpc-port", "0", "--empty"]);
    let (code, _, err) = call(&node, &["getblockhash", "99"]);
    assert_eq!(
        (code, err.as_str()),
        (
            8,
            "error code: -8\nerror message:\nBlock height out of range"
        )
    );
    let (code, _, err) = call(&node, &["dev_mine", "1"]);
    assert_eq!(
        (code, err.as_str()),
        (89, "error code: -32601\nerror message:\nMethod not found")
    );
    let (code, _, err) = call(&node, &["getblockhash", "one"]);
    assert_eq!((code, err.as_str()), (1, "error: Error parsing JSON: one"));
    let nobody = Command::new(env!("CARGO_BIN_EXE_sparky"))
        .args([
            "devchain",
            "cli",
            "--rpc-url",
            "http://127.0.0.1:1",
            "getblockcount",
        ])
        .output()
        .unwrap();
    assert_eq!(nobody.status.code(), Some(1));
}
