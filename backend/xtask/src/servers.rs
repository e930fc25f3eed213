//! A Postgres server for the tests: Debian's, installed when it is missing, in a throw-away folder, on
//! the loopback, gone when this value is. NATS is started by the tests themselves: they stop it, too.

use std::fs::{self, File, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::debian;

/// Where Debian keeps the server's programs.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";
/// How long a server may take to answer: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(1);
/// Who runs the servers when we are root, which Postgres refuses to be run by.
const USER: &str = "postgres";
/// Debian's NATS.
const NATS_SERVER: &str = "/usr/sbin/nats-server";

/// A running Postgres. Dropping it stops it and removes what it wrote.
pub(crate) struct Servers {
    folder: PathBuf,
    postgres: Option<Child>,
    database_url: String,
}

impl Servers {
    /// Installs what is missing, and starts it.
    ///
    /// # Errors
    /// When something is missing and cannot be installed, or does not answer.
    pub(crate) fn start() -> Result<Self> {
        let needed = [
            (format!("{POSTGRES}/postgres"), "postgresql-15"),
            (NATS_SERVER.to_owned(), "nats-server"),
        ];
        let missing: Vec<&str> = needed
            .iter()
            .filter(|(program, _)| !Path::new(program).exists())
            .map(|(_, package)| *package)
            .collect();
        if !missing.is_empty() {
            debian::install(&missing)?;
        }
        let folder = std::env::temp_dir().join(format!("sparky-servers-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        let port = free_port()?;
        let mut servers = Self {
            folder,
            postgres: None,
            database_url: format!("postgres://sparky@127.0.0.1:{port}/postgres"),
        };
        servers.postgres(port)?;
        println!("Postgres: {}", servers.database_url);
        Ok(servers)
    }

    /// What the relay's tests read to find the servers.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 2] {
        [
            ("SPARKY_TEST_DATABASE_URL", &self.database_url),
            ("SPARKY_TEST_NATS_SERVER", NATS_SERVER),
        ]
    }

    fn postgres(&mut self, port: u16) -> Result<()> {
        let data = self.folder.join("postgres");
        fs::create_dir_all(&data)?;
        fs::set_permissions(&data, Permissions::from_mode(0o700))?;
        if debian::is_root()? {
            let owner = format!("{USER}:");
            let status = Command::new("chown").arg(owner).arg(&data).status()?;
            ensure!(status.success(), "cannot give the folder to {USER}");
        }
        let log = self.folder.join("postgres.log");
        let made = postgres_program("initdb")?
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=sparky",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .stdout(File::create(&log)?)
            .status()
            .context("initdb does not start")?;
        ensure!(made.success(), "initdb failed: see {}", log.display());
        // Durable, as in production: what the tests say about it must be true.
        let server = postgres_program("postgres")?
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "max_connections=400"])
            .args(["-c", "fsync=on"])
            .args(["-c", "log_min_messages=warning"])
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()
            .context("postgres does not start")?;
        self.postgres = Some(server);
        self.answers(port, &log)
    }

    /// Waits until the server takes connections.
    fn answers(&mut self, port: u16, log: &Path) -> Result<()> {
        let begin = Instant::now();
        let child = self
            .postgres
            .as_mut()
            .context("invariant: it was started")?;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || fs::read_to_string(log).unwrap_or_default();
            if let Some(status) = child.try_wait()? {
                bail!("postgres ended with {status}:\n{}", said());
            }
            ensure!(
                begin.elapsed() < PATIENCE,
                "postgres is silent:\n{}",
                said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(postgres) = &mut self.postgres {
            stop(postgres);
        }
        // What is left in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Asks the server to end without waiting for its clients, and waits until it has.
fn stop(child: &mut Child) {
    // SIGINT: Postgres' "fast" shutdown.
    let asked = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    if !asked.is_ok_and(|status| status.success()) {
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// One of Postgres' programs, which refuse to be run by root. It ends when this program does, whatever
/// ends it.
fn postgres_program(name: &str) -> Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if debian::is_root()? {
        command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
    }
    command.arg("--").arg(format!("{POSTGRES}/{name}"));
    command.current_dir("/").stdin(Stdio::null());
    Ok(command)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Starts the server and runs a command with its address in the environment.
///
/// # Errors
/// When it does not start, or the command fails.
pub(crate) fn with_servers(line: &[String]) -> Result<()> {
    let servers = Servers::start()?;
    let (program, arguments) = line.split_first().context("which command?")?;
    let status = Command::new(program)
        .args(arguments)
        .envs(servers.environment())
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(status.success(), "{program}: {status}");
    Ok(())
}
