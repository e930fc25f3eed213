//! Logs of services: text, or JSON when `LOG_FORMAT=json`; `RUST_LOG` chooses how much.

use tracing_subscriber::EnvFilter;

/// Libraries that write down what passes through them at their lowest levels: frames with session
/// tokens in them. Nobody may switch that on by asking for everything.
const TALKATIVE: [&str; 3] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "hyper_util::client=debug",
];

/// Starts logging to standard error. A second call changes nothing.
pub fn start() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,reqwest=warn"));
    let quieter = TALKATIVE
        .iter()
        .filter_map(|directive| directive.parse().ok());
    let filter = quieter.fold(filter, EnvFilter::add_directive);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let is_json = std::env::var("LOG_FORMAT").is_ok_and(|format| format == "json");
    // It is an error only to start twice, and then there is a log already.
    let _ = if is_json {
        builder.json().try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
}
