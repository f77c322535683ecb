//! Where results are printed, and whether in colour.
//!
//! Invariant: the only file that writes to the standard output; a reader who has gone ends the command quietly.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anyhow::Result;

use super::failure::Failure;
use super::text;

/// The standard output.
pub struct Out {
    stdout: io::BufWriter<io::Stdout>,
    colours: bool,
}

impl Out {
    /// With colours on a terminal, unless they are not wanted.
    pub fn new(no_colour: bool) -> Self {
        let stdout = io::stdout();
        let colours = stdout.is_terminal() && !no_colour;
        Self { stdout: io::BufWriter::new(stdout), colours }
    }

    /// Prints a line.
    ///
    /// # Errors
    /// [`Failure::ReaderGone`], or what else keeps the output from being written; so for every method here.
    pub fn line(&mut self, line: impl Display) -> Result<()> {
        told(writeln!(self.stdout, "{line}"))
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        told(self.stdout.write_all(bytes))
    }

    /// Prints what is still held back.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub fn flush(&mut self) -> Result<()> {
        told(self.stdout.flush())
    }

    /// Prints rows below their headings, in columns.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub fn table(&mut self, headings: &[&str], rows: &[Vec<String>]) -> Result<()> {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| text::one_line(cell)).collect()).collect();
        let widths: Vec<usize> =
            headings.iter().enumerate().map(|(n, heading)| column_width(heading, n, &rows)).collect();
        let head = columns(headings.iter().copied(), &widths);
        self.line(self.dim(&head))?;
        for row in &rows {
            self.line(columns(row.iter().map(String::as_str), &widths))?;
        }
        Ok(())
    }

    /// Where a marked piece begins and ends.
    pub fn mark(&self) -> (&'static str, &'static str) {
        if self.colours { ("\u{1b}[1;33m", "\u{1b}[0m") } else { ("", "") }
    }

    /// In bold.
    pub fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    /// Less visible.
    pub fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    /// As what is good or new.
    pub fn green(&self, text: &str) -> String {
        self.styled("32", text)
    }

    /// As what is bad or gone.
    pub fn red(&self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(&self, code: &str, text: &str) -> String {
        let text = text::clean(text);
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text }
    }
}

fn told(written: io::Result<()>) -> Result<()> {
    match written {
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Err(Failure::ReaderGone.into()),
        other => Ok(other?),
    }
}

fn column_width(heading: &str, column: usize, rows: &[Vec<String>]) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| text::width(cell));
    cells.chain([text::width(heading)]).max().unwrap_or_default()
}

fn columns<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let padded: Vec<String> = cells.zip(widths).map(|(cell, width)| text::pad(cell, *width)).collect();
    padded.join("  ").trim_end().to_owned()
}
