//! `sparky devchain cli`: any method of a node's RPC, in the manner of qtum-cli: the same conversion of
//! arguments, the same output, the same exit codes.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use serde_json::value::{RawValue, to_raw_value};
use sparky_qtum::rpc::{Client, Patience, RpcError};

use super::pretty::pretty;
use crate::args::Context;
use crate::node::{self, Endpoint};

/// A text with this many digits is a hash or data, not a number.
const MOST_DIGITS: usize = 17;

/// Arguments of `sparky devchain cli`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    endpoint: Endpoint,
    /// The node's wallet to ask; a node with one loaded wallet needs none
    #[arg(long, value_name = "NAME")]
    wallet: Option<String>,
    /// The method; `help` lists those of the dev chain
    method: String,
    /// Its parameters: text as it is, everything else as JSON
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Asks and prints.
///
/// # Errors
/// When the URL is none, or standard output takes no bytes.
pub async fn run(args: &Args, context: &Context) -> Result<ExitCode> {
    // qtum-cli asks once.
    let once = Patience {
        attempts: 1,
        timeout: std::time::Duration::from_mins(15),
        ..Patience::default()
    };
    let client = Client::with_patience(&args.endpoint.url(context), once);
    let mut client = client.map_err(|error| node::problem(&error))?;
    if let Some(wallet) = &args.wallet {
        client = client.for_wallet(wallet);
    }
    let known = sparky_devchain::parameters(&args.method);
    let kinds = known.map(|known| known.split_whitespace().map(kind).collect::<Vec<_>>());
    let mut parameters = Vec::new();
    for (index, text) in args.arguments.iter().enumerate() {
        let kind = match &kinds {
            Some(kinds) => kinds.get(index).copied().unwrap_or("any"),
            None => "any",
        };
        match convert(kind, text) {
            Some(parameter) => parameters.push(parameter),
            None => return Ok(fail(1, &format!("error: Error parsing JSON: {text}"))),
        }
    }
    match client
        .call::<Option<Box<RawValue>>>(&args.method, &parameters)
        .await
    {
        Ok(result) => print(result.as_deref()),
        Err(error) => Ok(refused(&error)),
    }
}

/// The type in `name:type?`.
fn kind(parameter: &str) -> &str {
    let kind = parameter.split_once(':').map_or("any", |(_, kind)| kind);
    kind.trim_end_matches('?')
}

/// The parameter that a word of the command line means; none when it had to be JSON and is not.
fn convert(kind: &str, text: &str) -> Option<Box<RawValue>> {
    let as_text = || to_raw_value(text).ok();
    let as_json = || RawValue::from_string(text.to_owned()).ok();
    match kind {
        "string" => as_text(),
        "any" => {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            if digits && MOST_DIGITS < text.len() {
                return as_text();
            }
            as_json().or_else(as_text)
        }
        _ => as_json(),
    }
}

/// Text is printed as it is, nothing as nothing, and the rest as indented JSON with its digits untouched.
fn print(result: Option<&RawValue>) -> Result<ExitCode> {
    let raw = result.map_or("null", RawValue::get);
    let text = match serde_json::from_str::<Option<String>>(raw) {
        Ok(None) => return Ok(ExitCode::SUCCESS),
        Ok(Some(text)) => text,
        Err(_) => pretty(raw),
    };
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => Ok(result.map(|()| ExitCode::SUCCESS)?),
    }
}

/// What qtum-cli prints and ends with: the code of the node's error without its sign, or 1.
fn refused(error: &RpcError) -> ExitCode {
    let (code, message) = match error {
        RpcError::Rejected { code, reason, .. } => (*code, reason.clone()),
        RpcError::WarmingUp(reason) => (-28, reason.clone()),
        RpcError::UnknownMethod(_) => (-32_601, "Method not found".to_owned()),
        RpcError::MissingIndex { flag: "-logevents" } => {
            (-32_603, "Events indexing disabled".to_owned())
        }
        RpcError::MissingIndex { .. } => (-5, error.to_string()),
        RpcError::Unauthorized => {
            return fail(
                1,
                "error: Authorization failed: Incorrect rpcuser or rpcpassword",
            );
        }
        RpcError::Busy => {
            return fail(
                1,
                "error: server returned HTTP error 503: Work queue depth exceeded",
            );
        }
        other => {
            return fail(1, &format!("error: {other}\n\n{}", other.what_to_do()));
        }
    };
    let exit = u8::try_from(code.unsigned_abs() & 0xff).unwrap_or(1).max(1);
    fail(
        exit,
        &format!("error code: {code}\nerror message:\n{message}"),
    )
}

fn fail(exit: u8, text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::from(exit)
}

#[cfg(test)]
mod tests {
    use super::{convert, kind};

    #[test]
    fn words_become_what_the_method_takes() {
        let check = |kind: &str, text: &str, expected: Option<&str>| {
            let converted = convert(kind, text).map(|raw| raw.get().to_owned());
            assert_eq!(converted.as_deref(), expected, "{kind} {text}");
        };
        check("string", "12", Some("\"12\""));
        check("number", "12", Some("12"));
        check("number", "twelve", None);
        check("bool", "true", Some("true"));
        check("any", "0.10000000", Some("0.10000000"));
        check("any", "qLn9", Some("\"qLn9\""));
        check("any", "{\"addresses\":[]}", Some("{\"addresses\":[]}"));
        let hash = "1".repeat(40);
        check("any", &hash, Some(&format!("\"{hash}\"")));
        assert_eq!((kind("nblocks:number?"), kind("x:any")), ("number", "any"));
    }
}
