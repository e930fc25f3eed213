//! The door: one binary, `sparky`. One file per verb; rules live in the crates behind it.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::args::{Cli, Command, Context};
use crate::output::Choice;
use crate::problem::Problem;

mod args;
mod assets;
mod channel;
mod completions;
mod confirm;
mod dev;
mod devchain;
mod doctor;
mod keyfile;
mod migrate;
mod mine;
mod money;
mod node;
mod output;
mod participant;
mod pay;
mod prefund;
mod problem;
mod profile;
mod relay;
mod shutdown;
mod tracing_setup;
mod wallet;

/// Many small things are made and dropped for each payment; see docs/PERFORMANCE.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = cli.context();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into(), context.output.json),
    };
    match runtime.block_on(run(cli.command, &context)) {
        Ok(code) => code,
        Err(error) => fail(&error, context.output.json),
    }
}

async fn run(command: Command, context: &Context) -> anyhow::Result<ExitCode> {
    let done = match command {
        // Asks a node as qtum-cli does, and ends as qtum-cli does.
        Command::Devchain(args) => return devchain::run(args, context).await,
        Command::Dev(args) => dev::run(args, context).await,
        Command::Stop => dev::stop::run(context),
        Command::Status => dev::status::run(context).await,
        Command::Logs(args) => dev::logs::run(&args, context),
        Command::Relay(args) => relay::run(*args).await,
        Command::Migrate(args) => migrate::run(&args, context).await,
        Command::Prefund(args) => prefund::run(&args, context).await,
        Command::Mine(args) => mine::run(&args, context).await,
        Command::Wallet(verb) => wallet::run(verb, context).await,
        Command::Channel(verb) => channel::run(verb, context).await,
        Command::Pay(args) => pay::run(args, context).await,
        Command::Doctor(args) => doctor::run(&args, context).await,
        Command::Version => version(context),
        Command::Completions(args) => {
            completions::run(&args);
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn version(context: &Context) -> anyhow::Result<()> {
    let version = serde_json::json!({ "name": "sparky", "version": env!("CARGO_PKG_VERSION") });
    context.output.show(&version, |_| {
        format!("sparky {}", env!("CARGO_PKG_VERSION"))
    })
}

fn fail(error: &anyhow::Error, as_json: bool) -> ExitCode {
    let problem = problem::of(error);
    problem::print(&problem, as_json);
    ExitCode::from(problem.exit() as u8)
}

/// A command line that cannot be read: for people as clap says it, for programs as a document.
fn usage(error: &clap::Error) -> ExitCode {
    let told = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let wants_table = std::env::args().any(|arg| arg == "table" || arg == "--output=table");
    if told || wants_table || !Choice::Auto.is_json() {
        // Where the text cannot be printed, the exit code still tells.
        let _ = error.print();
    } else {
        let text = error.to_string();
        let detail = text.trim().trim_start_matches("error: ");
        problem::print(&Problem::new("usage", "Bad command line", detail), true);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
