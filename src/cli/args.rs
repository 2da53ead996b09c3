//! Commands, options and their help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use super::text::clean;
use crate::SyncFrequency;
use crate::engine::{Listing, MAX_PAGE_SIZE};

const EXAMPLES: &str = "\
Examples:
  skillsmith sync                            fetch what has changed
  skillsmith sync status                     show the current status
  skillsmith sync config --frequency weekly
  skillsmith search git commit               find skills by words
  skillsmith show community/git-helper
  skillsmith doctor                          say what is used, and what is wrong
  skillsmith completions bash > ~/.local/share/bash-completion/completions/skillsmith

`skillsmith sync --help` lists the environment variables and exit codes.";

const SYNC_DETAILS: &str = "\
Examples:
  skillsmith sync                  fetch what has changed since the last sync
  skillsmith sync --dry-run        show what a sync would do
  skillsmith sync --force          compare every skill, not only the changed ones
  skillsmith sync --prune          also remove what the registry has withdrawn
  skillsmith sync --json | jq .    the result for a script

Environment variables:
  SKILLSMITH_API_KEY          API key; else the sign-in (accessToken) or apiKey in
                              ~/.skillsmith/config.json
  SKILLSMITH_API_URL          address of the registry
  SKILLSMITH_DB_PATH          path of the database, unless --db names it
  SKILLSMITH_OFFLINE_MODE     true: send no requests; a sync then fails
  SKILLSMITH_BACKGROUND_SYNC  false: disable background syncing in MCP servers
  SKILLSMITH_ALLOW_INSECURE_HTTP  true: a key may be sent over plain http
  HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR,
  NODE_EXTRA_CA_CERTS, NO_COLOR

Exit codes:
    0  success
    1  failed; what was written is kept
    2  wrong usage
    3  partial: some skills could not be stored, or the listing ended early
    4  another sync of this database is running
  130  interrupted (Ctrl-C)";

const SYNC_USAGE: &str = "\
skillsmith sync [OPTIONS]
       skillsmith sync <COMMAND>";

/// Keep a local skill database up to date with the Skillsmith registry.
#[derive(Debug, Parser)]
#[command(name = "skillsmith", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: TopCommand,
}

/// Options of every command, before or after its name.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(super) struct Global {
    /// The database [default: $SKILLSMITH_DB_PATH, or ~/.skillsmith/skills.db].
    #[arg(
        short,
        long = "db",
        value_name = "PATH",
        global = true,
        display_order = 100
    )]
    pub(super) database: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long, global = true, display_order = 101)]
    pub(super) json: bool,
    /// Print only results and errors.
    #[arg(short, long, global = true, display_order = 102)]
    pub(super) quiet: bool,
    /// Print requests, waits and batches to stderr, without credentials.
    #[arg(
        short,
        long,
        global = true,
        display_order = 103,
        conflicts_with = "quiet"
    )]
    pub(super) verbose: bool,
    /// Show times in UTC instead of the local time zone.
    #[arg(long, global = true, display_order = 104)]
    pub(super) utc: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum TopCommand {
    /// Fetch changes from the registry; show or change the settings.
    Sync(SyncArguments),
    /// Find skills: every word has to match, the last one as a beginning.
    Search(SearchArguments),
    /// Show a skill.
    Show {
        /// The id of the skill, such as community/git-helper.
        id: String,
    },
    /// Check the database, the settings and the registry, and say what is wrong.
    Doctor {
        /// Check every page of the database too, which takes a while.
        #[arg(long)]
        check: bool,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that have nothing to do with each other"
)]
#[derive(Debug, Args)]
#[command(after_help = SYNC_DETAILS, override_usage = SYNC_USAGE)]
pub(super) struct SyncArguments {
    /// Compare every skill, even those that have not changed since the last sync.
    #[arg(short, long)]
    pub(super) force: bool,
    /// Count the changes, and write nothing; what the database would refuse is counted too.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Read a whole listing, and remove the skills that it and the whole listing before do not have;
    /// with --force even if they are more than a tenth of the table.
    #[arg(long)]
    pub(super) prune: bool,
    /// Skills per request, from 1 to 10000; the registry may send fewer [default: 100].
    #[arg(long, value_name = "N", value_parser = page_size, allow_negative_numbers = true)]
    pub(super) page_size: Option<u32>,
    /// Which listings of the registry to use [default: $SKILLSMITH_LISTING, or auto].
    #[arg(long, value_name = "LISTING", value_parser = listing())]
    pub(super) listing: Option<Listing>,
    /// Start a first sync of more than 10,000 skills without asking.
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(subcommand)]
    pub(super) command: Option<SyncCommand>,
}

#[derive(Debug, Args)]
pub(super) struct SearchArguments {
    /// What to search for; without words, the skills of the best quality.
    pub(super) words: Vec<String>,
    /// Number of skills to list, from 1 to 1000.
    #[arg(short, long, value_name = "N", default_value = "20", value_parser = most, allow_negative_numbers = true)]
    pub(super) limit: u32,
    /// Only skills of this trust tier, such as verified.
    #[arg(short, long, value_name = "TIER")]
    pub(super) tier: Option<String>,
    /// Only skills in this category.
    #[arg(short, long, value_name = "NAME")]
    pub(super) category: Option<String>,
    /// Only skills with at least this quality score, from 0 to 1.
    #[arg(long, value_name = "SCORE", value_parser = score, allow_negative_numbers = true)]
    pub(super) min_score: Option<f64>,
    /// Only skills that have passed a security scan.
    #[arg(long)]
    pub(super) safe: bool,
    /// Only the user's own skills (local), or those of the registry.
    #[arg(long, value_name = "SOURCE")]
    pub(super) source: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum SyncCommand {
    /// Show the last sync, the next one, and their results.
    Status {
        /// Also show this client name; all clients share one status.
        #[arg(long, value_name = "ID")]
        client: Option<String>,
    },
    /// List the last syncs, newest first.
    History {
        /// Number of syncs to list, 1 or more.
        #[arg(short, long, value_name = "N", default_value = "10", value_parser = limit, allow_negative_numbers = true)]
        limit: u32,
    },
    /// Show or change the settings of automatic syncing.
    Config(ConfigArguments),
}

#[derive(Debug, Args)]
pub(super) struct ConfigArguments {
    /// Enable automatic syncing.
    #[arg(long, conflicts_with = "disable")]
    pub(super) enable: bool,
    /// Disable automatic syncing; a manual sync still works.
    #[arg(long)]
    pub(super) disable: bool,
    /// Set how often a sync becomes due.
    #[arg(long, value_name = "FREQUENCY", value_parser = frequency())]
    pub(super) frequency: Option<SyncFrequency>,
    /// Set the most requests that syncs send in a calendar month (UTC), or 'none'.
    #[arg(long, value_name = "N", value_parser = budget, allow_negative_numbers = true)]
    pub(super) request_budget: Option<Budget>,
}

/// A number of requests, or no bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(pub(super) Option<u64>);

// Not by clap's derive: it would make clap a part of the library's types.

fn listing() -> impl TypedValueParser<Value = Listing> {
    let words = [Listing::Auto, Listing::Search].map(Listing::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Listing>())
}

fn frequency() -> impl TypedValueParser<Value = SyncFrequency> {
    let words = SyncFrequency::ALL.map(SyncFrequency::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<SyncFrequency>())
}

impl Arguments {
    /// The clap definition, with help of the given width.
    pub(super) fn definition(width: usize) -> Command {
        Self::command().term_width(width)
    }

    pub(super) fn read(
        args: impl IntoIterator<Item = OsString>,
        width: usize,
    ) -> Result<Self, clap::Error> {
        let args: Vec<OsString> = args.into_iter().collect();
        Self::parse(&args, width).map_err(|error| Self::without_hidden(&args, width, error))
    }

    /// The error of the same arguments with escapes in place of what a terminal would obey, or not show: clap
    /// repeats what was written.
    fn without_hidden(args: &[OsString], width: usize, error: clap::Error) -> clap::Error {
        let written: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        let shown: Vec<_> = written.iter().map(|arg| clean(arg)).collect();
        if shown == written {
            return error;
        }
        let shown: Vec<OsString> = shown.into_iter().map(OsString::from).collect();
        Self::parse(&shown, width).err().unwrap_or_else(|| {
            let words = "an argument has characters that cannot be shown";
            Self::definition(width).error(error.kind(), words)
        })
    }

    fn parse(args: &[OsString], width: usize) -> Result<Self, clap::Error> {
        let mut definition = Self::definition(width);
        let matches = definition.try_get_matches_from_mut(args)?;
        let arguments = Self::from_arg_matches(&matches)?;
        match arguments.conflict() {
            Some((option, command)) => Err(definition
                .find_subcommand_mut("sync")
                .unwrap_or(&mut Self::definition(width))
                .error(
                    ErrorKind::ArgumentConflict,
                    format!("the option '{option}' cannot be used with the command '{command}'"),
                )),
            None => Ok(arguments),
        }
    }

    /// An option of `sync` itself before one of its commands: clap's own check
    /// would refuse the global options there too.
    fn conflict(&self) -> Option<(&'static str, &'static str)> {
        let TopCommand::Sync(sync) = &self.command else {
            return None;
        };
        let command = match sync.command.as_ref()? {
            SyncCommand::Status { .. } => "status",
            SyncCommand::History { .. } => "history",
            SyncCommand::Config(_) => "config",
        };
        let option = [
            (sync.force, "--force"),
            (sync.dry_run, "--dry-run"),
            (sync.prune, "--prune"),
            (sync.page_size.is_some(), "--page-size"),
            (sync.listing.is_some(), "--listing"),
            (sync.yes, "--yes"),
        ]
        .into_iter()
        .find_map(|(given, option)| given.then_some(option))?;
        Some((option, command))
    }
}

fn page_size(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|size| (1..=MAX_PAGE_SIZE).contains(size))
        .ok_or_else(|| format!("use a whole number from 1 to {MAX_PAGE_SIZE}"))
}

fn most(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|limit| (1..=1_000).contains(limit))
        .ok_or_else(|| "use a whole number from 1 to 1000".to_owned())
}

fn score(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|score| (0.0..=1.0).contains(score))
        .ok_or_else(|| "use a number from 0 to 1".to_owned())
}

fn budget(text: &str) -> Result<Budget, String> {
    if text == "none" {
        return Ok(Budget(None));
    }
    text.parse()
        .map(|requests| Budget(Some(requests)))
        .map_err(|_| "use a whole number, 0 or more, or 'none'".to_owned())
}

fn limit(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|limit| *limit > 0)
        .ok_or_else(|| format!("use a whole number from 1 to {}", u32::MAX))
}
