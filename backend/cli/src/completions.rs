//! `sparky completions`: what a shell needs to complete our words.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;

/// Arguments of `sparky completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) {
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        "sparky",
        &mut std::io::stdout(),
    );
}
