//! A folder of Markdown files as one stream of documents, and back.
//!
//! Invariant: each file is one document; what a file holds never ends it, and no document leaves its folder.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use zhiyin::model::exchange::{escape_line, separator, unescape_line};

/// Where each file begins in the stream, by line from 1.
#[derive(Debug, Clone, Default)]
pub struct Starts(Rc<RefCell<Vec<(u64, String)>>>);

impl Starts {
    /// The file that a line of the stream comes from, and the line in it.
    pub fn locate(&self, line: u64) -> Option<(String, u64)> {
        let starts = self.0.borrow();
        let after = starts.partition_point(|(start, _)| *start <= line);
        let (start, path) = starts.get(after.checked_sub(1)?)?;
        Some((path.clone(), (line - start).max(1)))
    }
}

/// The documents of a folder, one file after the other, each below the line that names it.
pub struct Documents {
    root: PathBuf,
    files: VecDeque<PathBuf>,
    current: io::Cursor<Vec<u8>>,
    lines: u64,
    starts: Starts,
    /// Bytes of all files.
    pub bytes: u64,
}

impl Documents {
    /// Finds every Markdown file below `root`, or takes `root` where it is a file.
    ///
    /// # Errors
    /// What keeps the folder from being read.
    pub fn of(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        let single = root.is_file();
        if single {
            files.push(root.to_owned());
        } else {
            walk(root, &mut files)?;
        }
        files.sort();
        let bytes = files.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum();
        let root = if single { root.parent().unwrap_or(Path::new("")) } else { root }.to_owned();
        let current = io::Cursor::default();
        Ok(Self { root, files: files.into(), current, lines: 0, starts: Starts::default(), bytes })
    }

    /// Where each file begins, as far as the stream has been read.
    pub fn starts(&self) -> Starts {
        self.starts.clone()
    }

    fn next_file(&mut self) -> io::Result<bool> {
        let Some(path) = self.files.pop_front() else { return Ok(false) };
        let told = |why: String| io::Error::other(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(&path).map_err(|why| told(why.to_string()))?;
        let name = path.strip_prefix(&self.root).unwrap_or(&path);
        // With slashes on every system, and without what would end the line.
        let parts: Vec<String> =
            name.components().map(|part| part.as_os_str().to_string_lossy().replace(['\n', '\r'], " ")).collect();
        let name = parts.join("/");
        self.starts.0.borrow_mut().push((self.lines + 1, name.clone()));
        let mut document = format!("<!-- article: {name} -->\n");
        for line in text.split_inclusive('\n') {
            document.push_str(&escape_line(line));
        }
        if !document.ends_with('\n') {
            document.push('\n');
        }
        self.lines += document.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.current = io::Cursor::new(document.into_bytes());
        Ok(true)
    }
}

impl Read for Documents {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(into)?;
            if read > 0 || into.is_empty() || !self.next_file()? {
                return Ok(read);
            }
        }
    }
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", dir.display()))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let kind = entry.file_type().with_context(|| format!("cannot read {}", entry.path().display()))?;
        if hidden {
            continue;
        }
        // Links to folders are not followed: they could lead in a circle.
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if is_markdown(&entry.path()) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Whether a file's name says that it is Markdown.
pub fn is_markdown(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    matches!(ending.as_deref(), Some("md" | "markdown"))
}

/// Whether a file begins with the line that separates documents, so that it holds many.
///
/// # Errors
/// What keeps the file from being read.
pub fn holds_many(path: &Path) -> Result<bool> {
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut line = Vec::new();
    io::BufReader::new(file.take(4_096)).read_until(b'\n', &mut line)?;
    Ok(separator(&String::from_utf8_lossy(&line)).is_some())
}

/// Writes each document of a stream into its own file below `root`; gives how many there were.
///
/// # Errors
/// What keeps the stream from being read or a file from being written; a document without a fit path.
pub fn write_files(documents: impl Read, root: &Path) -> Result<u64> {
    let mut reader = io::BufReader::new(documents);
    let mut file: Option<io::BufWriter<fs::File>> = None;
    let (mut count, mut line) = (0, Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).context("the export broke off")? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(path) = separator(&text) {
            finish(file.take())?;
            file = Some(create(root, path)?);
            count += 1;
        } else {
            let writer = file.as_mut().context("the export does not begin with a document's path")?;
            writer.write_all(unescape_line(&text).as_bytes())?;
        }
    }
    finish(file)?;
    Ok(count)
}

fn create(root: &Path, path: &str) -> Result<io::BufWriter<fs::File>> {
    let relative = Path::new(path);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    anyhow::ensure!(inside && !path.is_empty(), "the export names a path outside its folder: '{path}'");
    let path = root.join(relative);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(io::BufWriter::new(file))
}

fn finish(file: Option<io::BufWriter<fs::File>>) -> Result<()> {
    if let Some(mut file) = file {
        file.flush().context("cannot write an exported file")?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_out_and_comes_back() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("sub")).unwrap();
        fs::create_dir(from.path().join(".git")).unwrap();
        let files = [
            ("b.md", "# B\n<!-- article: not-a-path.md -->\nend\n"),
            ("sub/退货.markdown", "# C\n"),
            ("a.md", "no line end"),
        ];
        for (name, text) in files {
            fs::write(from.path().join(name), text).unwrap();
        }
        fs::write(from.path().join("notes.txt"), "passed over").unwrap();
        fs::write(from.path().join(".git/x.md"), "passed over").unwrap();
        let mut documents = Documents::of(from.path()).unwrap();
        let (starts, mut stream) = (documents.starts(), String::new());
        documents.read_to_string(&mut stream).unwrap();
        assert_eq!(
            stream,
            "<!-- article: a.md -->\nno line end\n<!-- article: b.md -->\n# B\n\\<!-- article: not-a-path.md -->\nend\n<!-- article: sub/退货.markdown -->\n# C\n"
        );
        assert_eq!(starts.locate(3), Some(("b.md".into(), 1)));
        assert_eq!(starts.locate(6), Some(("b.md".into(), 3)));
        assert_eq!(starts.locate(8), Some(("sub/退货.markdown".into(), 1)));
        assert_eq!(write_files(stream.as_bytes(), to.path()).unwrap(), 3);
        assert_eq!(fs::read_to_string(to.path().join("b.md")).unwrap(), files[0].1);
        assert_eq!(fs::read_to_string(to.path().join("sub/退货.markdown")).unwrap(), "# C\n");
    }

    #[test]
    fn no_document_leaves_the_folder() {
        let to = tempfile::tempdir().unwrap();
        for path in ["../x.md", "/x.md", ""] {
            let stream = format!("<!-- article: {path} -->\ntext\n");
            assert!(write_files(stream.as_bytes(), to.path()).is_err(), "{path}");
        }
    }
}
