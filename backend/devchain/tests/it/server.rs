//! HTTP: who may ask, and what status an answer has.

use serde_json::{Value, json};

use crate::client::{ALICE, Chain};

#[tokio::test]
async fn a_wrong_password_is_401() {
    let chain = Chain::rich().await;
    let url = format!("http://qtum:wrong@{}", chain.handle.address());
    let answer = reqwest::Client::new()
        .post(&url)
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    let answer = reqwest::Client::new()
        .get(chain.handle.rpc_url())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 405);
}

#[tokio::test]
async fn statuses_are_qtumds() {
    let chain = Chain::rich().await;
    let check = async |body: &str, status: u16, code: Value| {
        let (found, answer) = chain.post("/", body.to_owned()).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &code), "{body}");
        assert!(
            answer.get("result").is_some() && answer.get("id").is_some(),
            "{body}: both are always there"
        );
    };
    check(
        r#"{"id":1,"method":"getblockcount","params":[]}"#,
        200,
        Value::Null,
    )
    .await;
    check(r#"{"id":1,"method":"getblockcount"}"#, 200, Value::Null).await;
    check(r#"{"id":1,"method":"nosuchmethod"}"#, 404, json!(-32601)).await;
    check(
        r#"{"id":1,"method":"getblockhash","params":[99999]}"#,
        500,
        json!(-8),
    )
    .await;
    check(
        r#"{"id":1,"method":"getblockhash","params":["x"]}"#,
        500,
        json!(-3),
    )
    .await;
    check(
        r#"{"id":1,"method":"getblockhash","params":[]}"#,
        500,
        json!(-1),
    )
    .await;
    check(r#"{"id":1,"params":[]}"#, 400, json!(-32600)).await;
    check(r#"{"id":1,"method":"help","params":3}"#, 200, Value::Null).await;
    check("{not json", 500, json!(-32700)).await;
    check("\"text\"", 500, json!(-32700)).await;
}

#[tokio::test]
async fn batches_and_names_work() {
    let chain = Chain::rich().await;
    let batch = r#"[{"id":1,"method":"getblockhash","params":{"height":0}},{"id":2,"method":"nosuchmethod"}]"#;
    let (status, answers) = chain.post("/", batch.to_owned()).await;
    assert_eq!(
        (status, &answers[0]["id"], &answers[1]["error"]["code"]),
        (200, &json!(1), &json!(-32601))
    );
    assert_eq!(answers[0]["result"].as_str().unwrap().len(), 64);
    let unknown = chain.try_call("getblockhash", json!({ "hight": 0 })).await;
    assert_eq!(unknown.unwrap_err().0, -8);
}

#[tokio::test]
async fn amounts_have_eight_decimals() {
    let chain = Chain::rich().await;
    chain.call("sendtoaddress", json!([ALICE, "1.5"])).await;
    let url = chain.handle.rpc_url();
    let body = r#"{"id":1,"method":"getbalance","params":[]}"#;
    let text = reqwest::Client::new()
        .post(url)
        .body(body)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("19999998."), "{text}");
    assert!(!text.contains("\"1999"), "{text}: a number, not a text");
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let chain = Chain::rich().await;
    let address = chain.handle.address();
    assert_eq!(chain.call("stop", json!([])).await, "Qtum Core stopping");
    chain.handle.stopped().await;
    chain.handle.shutdown().await;
    tokio::net::TcpListener::bind(address).await.unwrap();
}
