//! What only a private chain allows: blocks and coins at will, and a look at life without a tower.

use std::sync::atomic::Ordering;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sparky_protocol::Amount;
use sparky_qtum::rpc::RpcError;

use crate::{
    app::App,
    body::Body,
    config::Chain,
    error::{Error, Result},
    routes::Routes,
};

/// Blocks of one request at most.
const MOST_BLOCKS: u32 = 10_000;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .post("/api/v1/dev/mine", mine)
        .post("/api/v1/dev/faucet", faucet)
        .post("/api/v1/dev/automine", automine)
        .get("/api/v1/dev/tower", tower)
        .post("/api/v1/dev/tower", switch_tower)
}

/// These addresses do not exist on public chains.
fn private(app: &App) -> Result<()> {
    if app.chain.is_private() {
        Ok(())
    } else {
        Err(Error::NotFound("address"))
    }
}

#[derive(Deserialize)]
pub(crate) struct Mine {
    blocks: u32,
}

/// Answers when the relay has followed the chain to the last of the blocks.
async fn mine(State(app): State<App>, Body(Mine { blocks }): Body<Mine>) -> Result<Json<Value>> {
    private(&app)?;
    if blocks == 0 || MOST_BLOCKS < blocks {
        let reason = format!("between 1 and {MOST_BLOCKS}");
        return Err(Error::InvalidValue {
            field: "blocks",
            reason,
        });
    }
    if app.chain == Chain::Dev {
        app.node.dev_mine(blocks).await?;
    } else {
        let address = app.tower_wallet.get_new_address().await?;
        app.node.generate_to_address(blocks, &address).await?;
    }
    let height = app.node.get_block_count().await?;
    let mut tip = app.tip.subscribe();
    let followed = tip.wait_for(|tip| height <= tip.height);
    let followed = tokio::time::timeout(std::time::Duration::from_mins(2), followed).await;
    followed
        .ok()
        .and_then(std::result::Result::ok)
        .ok_or_else(|| Error::ChainNotReady("the blocks are mined and not followed yet".into()))?;
    Ok(Json(json!({ "height": app.height() })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Faucet {
    address: String,
    amount_sat: Amount,
}

async fn faucet(
    State(app): State<App>,
    Body(request): Body<Faucet>,
) -> Result<(StatusCode, Json<Value>)> {
    private(&app)?;
    let address = app.address(app.parse_account(&request.address)?);
    let value = u64::try_from(request.amount_sat.0).map_err(|_| Error::InvalidValue {
        field: "amountSat",
        reason: "more QTUM than there is".into(),
    })?;
    let txid = if app.chain == Chain::Dev {
        app.node.dev_faucet(&address, value).await?
    } else {
        app.tower_wallet.send_to_address(&address, value).await?
    };
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({ "txid": txid.to_string() })),
    ))
}

#[derive(Deserialize)]
pub(crate) struct Switch {
    enabled: bool,
}

async fn automine(
    State(app): State<App>,
    Body(Switch { enabled }): Body<Switch>,
) -> Result<Json<Value>> {
    private(&app)?;
    match app.node.dev_automine(enabled).await {
        Ok(()) => Ok(Json(json!({ "enabled": enabled }))),
        Err(RpcError::UnknownMethod(_)) => Err(Error::NotFound(
            "switch on this node: only the embedded chain mines by itself",
        )),
        Err(cause) => Err(cause.into()),
    }
}

async fn tower(State(app): State<App>) -> Result<Json<Value>> {
    private(&app)?;
    Ok(Json(
        json!({ "enabled": app.tower_on.load(Ordering::Relaxed) }),
    ))
}

async fn switch_tower(
    State(app): State<App>,
    Body(Switch { enabled }): Body<Switch>,
) -> Result<Json<Value>> {
    private(&app)?;
    app.tower_on.store(enabled, Ordering::Relaxed);
    app.tower_wake.notify_one();
    Ok(Json(json!({ "enabled": enabled })))
}
