//! What can be said on the command line.
//!
//! Invariant: results go to the standard output, everything else to the standard error output.

mod analytics;
mod answer;
mod article;
mod calibrate;
mod classify;
mod client;
mod connection;
mod content;
mod demo;
mod duplicates;
mod erase;
mod eval;
mod exchange;
pub mod failure;
mod folder;
mod gaps;
mod golden;
mod interactions;
mod keys;
mod model;
mod out;
mod pins;
mod preview;
mod privacy;
mod search;
mod serve;
mod spaces;
mod synonyms;
mod tasks;
mod text;

use clap::{Parser, Subcommand};

/// Knowledge-base search and answers over versioned articles, in Chinese and English.
///
/// Start with 'zhiyin demo' (a server with sample knowledge) or 'zhiyin serve' (an empty one). The other commands talk to
/// a server (--server and --key), or work on a data directory that no server has open (--data-dir).
#[derive(Debug, Parser)]
#[command(version, after_help = failure::EXIT_CODES, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Search(search::Search),
    Answer(answer::Answer),
    Classify(classify::Classify),
    Classifier(classify::Keep),
    Suggest(search::Suggest),
    Article(article::Article),
    Import(exchange::Import),
    Export(exchange::Export),
    Interactions(interactions::Interactions),
    Analytics(analytics::Analytics),
    Gaps(gaps::Gaps),
    Tasks(tasks::Tasks),
    Golden(golden::Golden),
    Duplicates(duplicates::Duplicates),
    Pin(pins::Pin),
    Eval(eval::Eval),
    Calibrate(calibrate::Calibrate),
    Erase(erase::Erase),
    Privacy(privacy::Privacy),
    Key(keys::Key),
    Model(model::Model),
    Synonym(synonyms::Synonym),
    Space(spaces::Space),
    Reindex(spaces::Reindex),
    Verify(spaces::Verify),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// What kept it from being done, for people; [`failure::exit_code`] says how the process ends.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Demo(demo) => demo.run(),
            Command::Search(search) => search.run(),
            Command::Answer(answer) => answer.run(),
            Command::Classify(classify) => classify.run(),
            Command::Classifier(keep) => keep.run(),
            Command::Suggest(suggest) => suggest.run(),
            Command::Article(article) => article.run(),
            Command::Import(import) => import.run(),
            Command::Export(export) => export.run(),
            Command::Interactions(interactions) => interactions.run(),
            Command::Analytics(analytics) => analytics.run(),
            Command::Gaps(gaps) => gaps.run(),
            Command::Tasks(tasks) => tasks.run(),
            Command::Golden(golden) => golden.run(),
            Command::Duplicates(duplicates) => duplicates.run(),
            Command::Pin(pin) => pin.run(),
            Command::Eval(eval) => eval.run(),
            Command::Calibrate(calibrate) => calibrate.run(),
            Command::Erase(erase) => erase.run(),
            Command::Privacy(privacy) => privacy.run(),
            Command::Key(key) => key.run(),
            Command::Model(model) => model.run(),
            Command::Synonym(synonym) => synonym.run(),
            Command::Space(space) => space.run(),
            Command::Reindex(reindex) => reindex.run(),
            Command::Verify(verify) => verify.run(),
        }
    }
}
