//! Which server a command talks to: one that runs, or one inside this process for a data directory.
//!
//! Invariant: both are the same HTTP door; a credential made for this process is never written to the store.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use jiff::Timestamp;

use super::client::{Answer, Client, Request};
use super::failure::Failure;
use super::out::Out;
use serde_json::Value;
use zhiyin::app::{self, App};
use zhiyin::config::{Config, Flags};
use zhiyin::id::SpaceId;

/// Where a server listens unless told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7700";
/// Longest time a command waits for the index of the server inside its own process.
const INDEX_WAIT: Duration = Duration::from_secs(3_600);

/// How the server is found; `--server` and `--data-dir` exclude each other.
#[derive(Debug, Clone, Args)]
struct Options {
    /// Address of the server [default: http://127.0.0.1:7700].
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "ZHIYIN_SERVER",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    server: Option<String>,
    /// API key to send.
    #[arg(
        long,
        global = true,
        value_name = "SECRET",
        env = "ZHIYIN_KEY",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    key: Option<String>,
    /// Work on this data directory without a running server: one is started inside the command, and needs no key.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ZHIYIN_DATA_DIR",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    data_dir: Option<PathBuf>,
    /// Print the server's JSON as it came, for scripts.
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Print without colours (the environment variable NO_COLOR does the same).
    #[arg(long, global = true, env = "NO_COLOR", value_name = "YES", hide_env = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "yes", help_heading = "Output")]
    no_color: Option<String>,
}

/// Where the server of a command is.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Server(String),
    Directory(PathBuf),
}

/// Whether a command may make the data directory it works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// It must be there.
    Existing,
    /// It is made where it is missing.
    Made,
}

/// How a command reaches its server and prints.
#[derive(Debug, Clone)]
pub struct Connection {
    options: Options,
    place: Place,
}

impl FromArgMatches for Connection {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let options = Options::from_arg_matches(matches)?;
        let said = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let place = match (options.server.clone(), options.data_dir.clone()) {
            (Some(_), Some(_)) if said("server") && said("data_dir") => {
                let message = "--server and --data-dir exclude each other";
                return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, format!("{message}\n")));
            }
            // What is said now counts more than what the environment says.
            (_, Some(dir)) if !said("server") && (said("data_dir") || options.server.is_none()) => {
                Place::Directory(dir)
            }
            (Some(server), _) => Place::Server(server),
            _ => Place::Server(DEFAULT_SERVER.to_owned()),
        };
        Ok(Self { options, place })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Connection {
    fn augment_args(command: Command) -> Command {
        Options::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Options::augment_args_for_update(command)
    }
}

/// The space a command works in.
#[derive(Debug, Clone, Args)]
pub struct InSpace {
    /// Space to work in [default: default].
    #[arg(long, global = true, value_name = "ID", env = "ZHIYIN_SPACE", hide_env_values = true)]
    space: Option<String>,
}

impl InSpace {
    /// The space as a parameter of a request.
    pub fn of(&self, request: Request) -> Request {
        request.with("space", self.space.as_ref())
    }

    /// The id of the space.
    pub fn id(&self) -> &str {
        self.space.as_deref().unwrap_or("default")
    }
}

/// A command at work.
pub struct Session {
    client: Client,
    /// Where results go.
    pub out: Out,
    /// Whether the server's JSON is wanted as it came.
    pub json: bool,
    app: Option<App>,
}

impl Connection {
    /// Does the work against the server, then stops the server if it was inside this process.
    ///
    /// # Errors
    /// What kept the server from starting, or what the work ended with.
    pub fn run(&self, directory: Directory, work: impl FnOnce(&mut Session) -> Result<()>) -> Result<()> {
        let mut session = self.open(directory)?;
        let mut done = work(&mut session);
        if session.json
            && let Some(Failure::Refused(refusal)) = done.as_ref().err().and_then(|why| why.downcast_ref())
        {
            session.out.line(refusal.text.trim_end())?;
        }
        done = session.out.flush().and(done);
        let stopped = session.app.take().map_or(Ok(()), App::stop);
        done?;
        Ok(stopped?)
    }

    /// Does work that needs no server: given where results go, and whether JSON is wanted.
    ///
    /// # Errors
    /// What the work ended with, or what keeps the output from being written.
    pub fn print(&self, work: impl FnOnce(&mut Out, bool) -> Result<()>) -> Result<()> {
        let mut out = self.out();
        let done = work(&mut out, self.options.json);
        out.flush().and(done)
    }

    fn out(&self) -> Out {
        Out::new(self.options.no_color.as_ref().is_some_and(|value| !value.is_empty()))
    }

    fn open(&self, directory: Directory) -> Result<Session> {
        let (out, json) = (self.out(), self.options.json);
        match &self.place {
            Place::Server(server) => {
                let client = Client::new(server, self.options.key.clone())?;
                Ok(Session { client, out, json, app: None })
            }
            Place::Directory(dir) => {
                if directory == Directory::Existing && !dir.join("store").exists() {
                    let message =
                        format!("{} is no data directory; 'zhiyin import' and 'zhiyin serve' make one", dir.display());
                    return Err(Failure::Usage(message).into());
                }
                let (app, client) = start_inside(dir)?;
                Ok(Session { client, out, json, app: Some(app) })
            }
        }
    }
}

/// Starts a server that only this process can use.
fn start_inside(dir: &std::path::Path) -> Result<(App, Client)> {
    let flags = Flags::default()
        .with("data_dir", Some(dir.display()))
        .with("listen", Some("127.0.0.1:0"))
        .with("log_filter", Some("error"))
        .with("searchable_wait_ms", Some(INDEX_WAIT.as_millis()))
        .with("deadline_ms", Some(INDEX_WAIT.as_millis()));
    let config = Config { metrics_listen: None, ..Config::load(None, flags)?.config };
    app::log(&config)?;
    let app = App::start(&config)?;
    if let Some(secret) = &app.admin_secret {
        eprintln!("{} is new. Its admin key (shown this once): {secret}", dir.display());
    }
    let client = inside(&app)?;
    Ok((app, client))
}

/// A client of the server inside this process, with a key that lives as long as the process.
///
/// # Errors
/// When no key could be made.
#[expect(clippy::disallowed_methods, reason = "the command line is an edge: it tells the time to what it calls")]
pub fn inside(app: &App) -> Result<Client> {
    let key = app.kb().key_of_this_process(Timestamp::now())?;
    let mut address = app.address;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    Ok(Client::inside(address, key))
}

impl Session {
    /// Makes a request.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn call(&self, request: &Request) -> Result<Answer> {
        self.client.call(request)
    }

    /// The client, for bodies that stream.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the server stops with the command.
    pub fn is_inside(&self) -> bool {
        self.app.is_some()
    }

    /// Lets the index of a server inside this process catch up, so that what was written earlier can be found.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn catch_up(&self, space: &InSpace) -> Result<()> {
        if let (Some(app), Ok(space)) = (&self.app, space.id().parse::<SpaceId>()) {
            // A space that is not there is told by the request itself.
            let _ = app.kb().wait_searchable(&space, INDEX_WAIT);
        }
        Ok(())
    }

    /// Prints an answer: as it came where JSON is wanted, else as `pretty` shows it.
    ///
    /// # Errors
    /// What keeps the output from being written.
    pub fn show(&mut self, answer: &Answer, pretty: impl FnOnce(&mut Out, &Value) -> Result<()>) -> Result<()> {
        if self.json { self.out.line(answer.text.trim_end()) } else { pretty(&mut self.out, &answer.value) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        connection: Connection,
        #[command(subcommand)]
        action: Action,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Action {
        List,
    }

    fn place(words: &[&str]) -> Place {
        let cli = Cli::try_parse_from([&["zhiyin"], words].concat()).unwrap();
        assert!(matches!(cli.action, Action::List));
        cli.connection.place
    }

    #[test]
    fn options_stand_before_or_after_the_action() {
        assert_eq!(place(&["list"]), Place::Server(DEFAULT_SERVER.into()));
        assert_eq!(place(&["list", "--server", "http://a"]), Place::Server("http://a".into()));
        assert_eq!(place(&["--data-dir", "d", "list"]), Place::Directory("d".into()));
        assert_eq!(place(&["list", "--data-dir", "d"]), Place::Directory("d".into()));
    }

    #[test]
    fn a_server_and_a_directory_exclude_each_other() {
        let refused = Cli::try_parse_from(["zhiyin", "list", "--server", "a", "--data-dir", "d"]).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
    }
}
