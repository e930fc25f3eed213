//! Blocks, mining and the node itself.

use serde_json::{Value, json};
use sparky_qtum::digest::sha256d;

use super::error::RpcError;
use super::format::{DIFFICULTY, add_index_details, chainwork, header_json, transaction_json};
use super::params::{Params, qtum};
use super::{Answer, Method};
use crate::assemble::subsidy;
use crate::chain::Chain;
use crate::execute;
use crate::node::Node;

pub(super) const METHODS: &[Method] = &[
    Method("getblockcount", "", |node, _| {
        Ok(node.chain.view.height().into())
    }),
    Method("getbestblockhash", "", |node, _| {
        Ok(node.chain.view.tip().hash.to_string().into())
    }),
    Method("getblockhash", "height:number", block_hash),
    Method("getblock", "blockhash:string verbosity:any?", block),
    Method(
        "getblockheader",
        "blockhash:string verbose:bool?",
        block_header,
    ),
    Method("getblockchaininfo", "", blockchain_info),
    Method("getchaintips", "", chain_tips),
    Method("getdifficulty", "", |_, _| Ok(DIFFICULTY.into())),
    Method("generate", "nblocks:number? maxtries:number?", generate),
    Method(
        "generatetoaddress",
        "nblocks:number address:string maxtries:number?",
        generate_to_address,
    ),
    Method("setmocktime", "timestamp:number", set_mock_time),
    Method("invalidateblock", "blockhash:string", invalidate_block),
    Method("reconsiderblock", "blockhash:string", reconsider_block),
    Method("getnetworkinfo", "", network_info),
    Method("getconnectioncount", "", |_, _| Ok(0.into())),
    Method("getpeerinfo", "", |_, _| Ok(json!([]))),
    Method("getindexinfo", "index_name:string?", index_info),
    Method("uptime", "", |node, _| Ok(node.uptime().into())),
    Method("ping", "", |_, _| Ok(Value::Null)),
];

fn block_hash(node: &mut Node, params: &Params) -> Answer {
    let height = params
        .integer(0)?
        .and_then(|height| u32::try_from(height).ok());
    let block = height.and_then(|height| node.chain.view.block(height));
    block
        .map(|block| block.hash.to_string().into())
        .ok_or_else(|| RpcError::parameter("Block height out of range"))
}

fn block(node: &mut Node, params: &Params) -> Answer {
    let hash = params.block_hash(0)?;
    let chain = &node.chain;
    let (block, height) = chain
        .block(&hash)
        .ok_or_else(|| RpcError::address("Block not found"))?;
    let verbosity = match params.get(1) {
        None | Some(Value::Bool(true)) => 1,
        Some(Value::Bool(false)) => 0,
        Some(value) => value.as_i64().unwrap_or(1),
    };
    if verbosity <= 0 {
        let mut bytes = block.header.encode();
        bytes.extend(compact(block.txs.len()));
        bytes.extend(block.txs.iter().flat_map(|tx| tx.encode()));
        return Ok(hex::encode(bytes).into());
    }
    let mut json = header_json(chain, block, height);
    let weight: usize = block.txs.iter().map(|tx| tx.weight()).sum();
    let size = block.size();
    json["size"] = size.into();
    json["strippedsize"] = (size - block.txs.iter().map(|tx| tx.size()).sum::<usize>()
        + block
            .txs
            .iter()
            .map(|tx| tx.encode_without_witness().len())
            .sum::<usize>())
    .into();
    json["weight"] = (weight + 4 * (block.header.encode().len() + 1)).into();
    json["signature"] = "".into();
    json["tx"] = if verbosity == 1 {
        block
            .txs
            .iter()
            .map(|tx| Value::from(tx.id().to_string()))
            .collect()
    } else {
        block
            .txs
            .iter()
            .map(|tx| {
                let mut json = transaction_json(tx);
                json["hex"] = tx.to_hex().into();
                add_index_details(chain, tx, &mut json);
                json
            })
            .collect()
    };
    Ok(json)
}

/// A count in Bitcoin's variable form.
fn compact(count: usize) -> Vec<u8> {
    match u16::try_from(count) {
        Ok(short @ 0..0xfd) => vec![u8::try_from(short).unwrap_or_default()],
        Ok(long) => [&[0xfd][..], &long.to_le_bytes()].concat(),
        Err(_) => [
            &[0xfe][..],
            &u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes(),
        ]
        .concat(),
    }
}

fn block_header(node: &mut Node, params: &Params) -> Answer {
    let hash = params.block_hash(0)?;
    let (block, height) = node
        .chain
        .block(&hash)
        .ok_or_else(|| RpcError::address("Block not found"))?;
    if params.bool(1, true) {
        return Ok(header_json(&node.chain, block, height));
    }
    Ok(hex::encode(block.header.encode()).into())
}

fn blockchain_info(node: &mut Node, _: &Params) -> Answer {
    let view = &node.chain.view;
    let height = view.height();
    let supply: u64 = (1..=height).map(subsidy).sum();
    Ok(json!({
        "chain": "regtest",
        "blocks": height,
        "headers": height.saturating_add(node.headers_ahead),
        "bestblockhash": view.tip().hash.to_string(),
        "difficulty": DIFFICULTY,
        "moneysupply": supply / 100_000_000,
        "time": view.tip().header.time,
        "mediantime": view.median_time(),
        "verificationprogress": 1,
        "initialblockdownload": 0 < node.headers_ahead,
        "chainwork": chainwork(height),
        "size_on_disk": 0,
        "pruned": false,
        "warnings": "",
    }))
}

fn chain_tips(node: &mut Node, _: &Params) -> Answer {
    let tip = node.chain.view.tip();
    Ok(json!([{
        "height": node.chain.view.height(), "hash": tip.hash.to_string(), "branchlen": 0, "status": "active",
    }]))
}

fn generate(_: &mut Node, _: &Params) -> Answer {
    let message = "generate\n\nhas been replaced by the -generate cli option. Refer to -help for more information.\n";
    Err(RpcError::new(RpcError::MISC, message))
}

fn generate_to_address(node: &mut Node, params: &Params) -> Answer {
    let count = params.unsigned(0)?.unwrap_or_default();
    let script = params.script(1)?;
    let mined = node.mine(count, Some(script));
    let hashes = mined.map_err(|error| {
        RpcError::new(
            RpcError::INTERNAL,
            format!("ProcessNewBlock, block not accepted: {error}"),
        )
    })?;
    Ok(hashes.iter().map(ToString::to_string).collect())
}

fn set_mock_time(node: &mut Node, params: &Params) -> Answer {
    let time = params.integer(0)?.unwrap_or_default();
    let time = u32::try_from(time).map_err(|_| {
        RpcError::parameter(format!(
            "Mocktime must be in the range [0, {}], not {time}.",
            u32::MAX
        ))
    })?;
    node.chain.mock_time = (time != 0).then_some(time);
    Ok(Value::Null)
}

fn invalidate_block(node: &mut Node, params: &Params) -> Answer {
    let hash = params.block_hash(0)?;
    if node
        .chain
        .block(&hash)
        .is_some_and(|(_, height)| height == 0)
    {
        return Err(RpcError::new(
            RpcError::INTERNAL,
            "the genesis block can not be invalid",
        ));
    }
    let done = node.chain.invalidate(&hash);
    node.announce();
    done.map(|()| Value::Null)
        .map_err(|_| RpcError::address("Block not found"))
}

fn reconsider_block(node: &mut Node, params: &Params) -> Answer {
    let hash = params.block_hash(0)?;
    let done = node.chain.reconsider(&hash);
    node.announce();
    done.map(|()| Value::Null)
        .map_err(|_| RpcError::address("Block not found"))
}

fn network_info(_: &mut Node, _: &Params) -> Answer {
    let network = |name: &str, reachable: bool| {
        json!({
            "name": name, "limited": !reachable, "reachable": reachable, "proxy": "",
            "proxy_randomize_credentials": false,
        })
    };
    Ok(json!({
        "version": 270_100,
        "subversion": "/Satoshi:27.1.0/",
        "protocolversion": 70_022,
        "localservices": "0000000000000c09",
        "localservicesnames": ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2"],
        "localrelay": true,
        "timeoffset": 0,
        "networkactive": true,
        "connections": 0,
        "connections_in": 0,
        "connections_out": 0,
        "networks": [
            network("ipv4", true), network("ipv6", true), network("onion", false), network("i2p", false),
            network("cjdns", false),
        ],
        "relayfee": qtum(400_000),
        "incrementalfee": qtum(10_000),
        "localaddresses": [],
        "warnings": "",
    }))
}

fn index_info(node: &mut Node, _: &Params) -> Answer {
    let height = node.chain.view.height();
    if !node.indexes.transactions {
        return Ok(json!({}));
    }
    Ok(json!({ "txindex": { "synced": true, "best_block_height": height } }))
}

/// What the whole chain adds up to, for `gettxoutsetinfo` and tests.
pub(super) fn txout_set_info(chain: &Chain) -> Value {
    let view = &chain.view;
    let blocks = (0..=view.height()).filter_map(|height| view.block(height));
    let transactions = blocks
        .flat_map(|block| &block.txs)
        .filter(|tx| !execute::is_generated(tx))
        .count();
    json!({
        "height": view.height(),
        "bestblock": view.tip().hash.to_string(),
        "txouts": view.coins.len(),
        "transactions": transactions,
        "hash_serialized_3": hex::encode(sha256d(&view.tip().hash.0)),
        "total_amount": qtum(view.coins.total()),
    })
}
