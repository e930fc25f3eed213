//! Whether a relay answers.

use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(3);

/// Whether `GET /readyz` says 200 now.
pub async fn is_ready(url: &str) -> bool {
    get(&format!("{url}/readyz")).await.is_some()
}

/// What `GET /readyz` says, ready or not.
pub async fn readiness(url: &str) -> Option<Value> {
    let answer = reqwest::Client::new()
        .get(format!("{url}/readyz"))
        .timeout(PATIENCE)
        .send()
        .await
        .ok()?;
    answer.json().await.ok()
}

/// What the relay tells about itself.
pub async fn info(url: &str) -> Option<Value> {
    get(&format!("{url}/api/v1/info")).await?.json().await.ok()
}

async fn get(url: &str) -> Option<reqwest::Response> {
    let answer = reqwest::Client::new()
        .get(url)
        .timeout(PATIENCE)
        .send()
        .await
        .ok()?;
    answer.status().is_success().then_some(answer)
}
