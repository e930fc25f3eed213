//! `sparky status`: whether it runs, where, and whether it is ready.

use anyhow::Result;
use serde_json::json;

use super::{instance, ready};
use crate::args::Context;
use crate::output::pairs;
use crate::problem::Problem;

/// Prints what runs on the data folder.
///
/// # Errors
/// `not-running` when nothing does.
pub async fn run(context: &Context) -> Result<()> {
    let Some(running) = instance::running(&context.data)? else {
        let text = format!(
            "Nothing runs on {}. Start with: make start-services",
            context.data.display()
        );
        return Err(Problem::new("not-running", "Not running", text).into());
    };
    let is_ready = ready::is_ready(&running.url).await;
    let info = ready::info(&running.url).await.unwrap_or_default();
    let value = json!({
        "pid": running.pid, "url": running.url, "rpcUrl": running.rpc_url,
        "ready": is_ready, "data": context.data, "info": info,
    });
    context.output.show(&value, |_| {
        let text = |pointer| info.pointer(pointer).map_or_else(|| "?".into(), plain);
        pairs(&[
            ("URL", running.url.clone()),
            ("ready", if is_ready { "yes" } else { "not yet" }.into()),
            ("network", text("/network")),
            ("height", text("/tip/height")),
            ("contract", text("/contract")),
            ("chain RPC", running.rpc_url.clone()),
            ("process", running.pid.to_string()),
            ("data", context.data.display().to_string()),
        ])
    })
}

fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
