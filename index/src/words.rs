//! Which words does a stretch of text without Chinese hold, identifiers and numbers included?
//! Invariant: a compound is given whole and in parts, and every part lies inside its whole.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::normalize::strip_accents;
use crate::script::Script;

/// Longest term that is given, in bytes; longer runs of letters are cut, longer compounds given in parts only.
const MAX_TERM: usize = 128;

/// A word before stemming: its matching form and where it stands.
pub(crate) struct Form {
    pub text: String,
    pub range: Range<usize>,
}

/// Finds the words of `text`, a folded stretch without Chinese, Kana or Hangul.
///
/// `original` gives the original spelling of a byte range of `text` where it has the same length,
/// so that `userName` can be taken apart although folding lost its capital.
pub(crate) fn words<'a>(text: &str, original: impl Fn(Range<usize>) -> Option<&'a str>, mut emit: impl FnMut(Form)) {
    let mut from = 0;
    while let Some(range) = next_compound(text, from) {
        from = range.end;
        split_compound(text, range, &original, &mut emit);
    }
}

fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

fn is_word(c: char) -> bool {
    matches!(Script::of(c), Script::Letter | Script::Mark)
}

/// The next compound at or after `from`: letters and digits, single connectors between them,
/// `.` before a name (`.net`), `++` or `#` after one (`c++`, `c#`).
fn next_compound(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    let (skipped, first) = rest.char_indices().find(|(_, c)| Script::of(*c) == Script::Letter)?;
    let mut start = from + skipped;
    let mut before = part(text, from..start).chars().rev();
    if first.is_alphabetic() && before.next() == Some('.') && before.next().is_none_or(char::is_whitespace) {
        start -= 1;
    }
    let mut end = from + skipped;
    let mut previous = first;
    let mut chars = part(text, end..text.len()).char_indices();
    while let Some((at, c)) = chars.next() {
        if !is_word(c) && !connects(c, previous, chars.as_str()) {
            break;
        }
        previous = c;
        end = from + skipped + at + c.len_utf8();
    }
    let tail = part(text, end..text.len());
    for suffix in ["++", "#"] {
        let after = tail.strip_prefix(suffix);
        if previous.is_ascii_alphabetic() && after.is_some_and(|after| !after.starts_with(is_word)) {
            end += suffix.len();
            break;
        }
    }
    Some(start..end)
}

/// Whether `c` joins the word character before it to what follows.
fn connects(c: char, previous: char, after: &str) -> bool {
    let mut following = after.chars();
    let Some(next) = following.next() else {
        return false;
    };
    if !is_word(previous) {
        return false;
    }
    match c {
        '-' | '_' | '.' | '@' => Script::of(next) == Script::Letter,
        '\'' | '&' => previous.is_alphabetic() && next.is_alphabetic(),
        ':' => previous.is_ascii_digit() && next.is_ascii_digit(),
        ',' => previous.is_ascii_digit() && starts_with_thousands(after),
        _ => false,
    }
}

fn starts_with_thousands(text: &str) -> bool {
    text.bytes().take_while(u8::is_ascii_digit).take(4).count() == 3
}

fn split_compound<'a>(
    text: &str,
    range: Range<usize>,
    original: &impl Fn(Range<usize>) -> Option<&'a str>,
    emit: &mut impl FnMut(Form),
) {
    let mut range = range;
    if part(text, range.clone()).ends_with("'s") {
        range.end -= 2;
    }
    let whole = part(text, range.clone());
    if whole.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        emit_part(text, range, original, emit);
        return;
    }
    let parts: Vec<Range<usize>> =
        split_parts(whole).map(|part| range.start + part.start..range.start + part.end).collect();
    let simple = parts.len() == 1 && parts.first() == Some(&range);
    if !simple && whole.len() <= MAX_TERM {
        emit_wholes(whole, &range, &parts, text, emit);
    }
    for part in parts {
        emit_part(text, part, original, emit);
    }
}

/// Splits a compound at its connectors; an apostrophe inside a word is none.
fn split_parts(whole: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    whole.split(|c| c != '\'' && !is_word(c)).filter_map(move |piece| {
        let start = from;
        // Every connector is one ASCII byte.
        from += piece.len() + 1;
        (!piece.is_empty()).then(|| start..start + piece.len())
    })
}

/// Gives the compound itself, what it is without its connectors, and the halves of an address.
fn emit_wholes(whole: &str, range: &Range<usize>, parts: &[Range<usize>], text: &str, emit: &mut impl FnMut(Form)) {
    emit(Form { text: strip_accents(whole).into_owned(), range: range.clone() });
    let all = |test: fn(&u8) -> bool| parts.iter().all(|range| part(text, range.clone()).as_bytes().iter().all(test));
    let connectors = |one: char| whole.chars().all(|c| c == one || is_word(c));
    let hyphens = connectors('-') && (all(u8::is_ascii_alphabetic) || all(u8::is_ascii_digit));
    if parts.len() > 1 && (hyphens || connectors(',')) {
        emit(Form { text: whole.chars().filter(|c| is_word(*c)).collect(), range: range.clone() });
    }
    // `v4.3.1` is also the version 4.3.1.
    if let Some(version) = whole.strip_prefix('v')
        && connectors('.')
        && parts.len() > 1
        && version.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
    {
        emit(Form { text: version.to_owned(), range: range.start + 1..range.end });
    }
    if let Some((name, host)) = whole.split_once('@') {
        let at = range.start + name.len();
        for (half, range) in [(name, range.start..at), (host, at + 1..range.end)] {
            if half.contains(|c| !is_word(c)) {
                emit(Form { text: strip_accents(half).into_owned(), range });
            }
        }
    }
}

/// Gives one connector-free part, and the words inside it.
fn emit_part<'a>(
    text: &str,
    range: Range<usize>,
    original: &impl Fn(Range<usize>) -> Option<&'a str>,
    emit: &mut impl FnMut(Form),
) {
    let word = part(text, range.clone());
    if !word.is_ascii() {
        for (at, word) in word.unicode_word_indices() {
            let start = range.start + at;
            emit(Form { text: strip_accents(clip(word)).into_owned(), range: start..start + word.len() });
        }
        return;
    }
    emit(Form { text: clip(word).to_owned(), range: range.clone() });
    if word.len() > MAX_TERM {
        return;
    }
    if word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        emit_humps(text, range, original, emit);
        return;
    }
    let runs = letter_digit_runs(word);
    for run in &runs {
        let run = range.start + run.start..range.start + run.end;
        if runs.len() > 1 {
            emit(Form { text: part(text, run.clone()).to_owned(), range: run.clone() });
        }
        emit_humps(text, run, original, emit);
    }
}

fn emit_humps<'a>(
    text: &str,
    run: Range<usize>,
    original: &impl Fn(Range<usize>) -> Option<&'a str>,
    emit: &mut impl FnMut(Form),
) {
    for hump in original(run.clone()).map(humps).unwrap_or_default() {
        let hump = run.start + hump.start..run.start + hump.end;
        emit(Form { text: part(text, hump.clone()).to_owned(), range: hump });
    }
}

fn clip(word: &str) -> &str {
    let mut end = word.len().min(MAX_TERM);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    part(word, 0..end)
}

/// Cuts an ASCII word between letters and digits (`sf1234567`, `iphone15`); a single letter stays
/// with its number (`x200`, `5g`). One run when there is nothing to cut.
fn letter_digit_runs(word: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut previous: Option<bool> = None;
    for (at, byte) in word.bytes().enumerate() {
        let digit = byte.is_ascii_digit();
        match runs.last_mut() {
            Some(run) if previous == Some(digit) => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
        previous = Some(digit);
    }
    let is_letter =
        |run: &Range<usize>| run.len() == 1 && part(word, run.clone()).bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut merged: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match merged.last_mut() {
            Some(last) if is_letter(&run) || is_letter(last) => last.end = run.end,
            _ => merged.push(run),
        }
    }
    merged
}

/// The words of a camelCase spelling, or none: `userName`, `XMLHttpRequest`; not `iPhone`, whose `i` is no word.
fn humps(word: &str) -> Vec<Range<usize>> {
    let bytes = word.as_bytes();
    if !bytes.iter().skip(1).any(u8::is_ascii_uppercase) {
        return Vec::new();
    }
    let mut cuts = vec![0];
    for (at, window) in bytes.windows(3).enumerate() {
        let [a, b, c] = window else { continue };
        if a.is_ascii_lowercase() && b.is_ascii_uppercase()
            || a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_lowercase()
        {
            cuts.push(at + 1);
        }
    }
    cuts.push(word.len());
    let humps: Vec<Range<usize>> = cuts.iter().zip(cuts.iter().skip(1)).map(|(from, to)| *from..*to).collect();
    if humps.len() < 2 || humps.iter().any(|hump| hump.len() < 2) {
        return Vec::new();
    }
    humps
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn forms(original: &str) -> Vec<String> {
        let folded = original.to_lowercase();
        let mut out = Vec::new();
        words(&folded, |range| Some(&original[range]), |form| out.push(form.text));
        out
    }

    #[test]
    fn identifiers_whole_and_in_parts() {
        assert_eq!(forms("X200-Pro"), ["x200-pro", "x200", "pro"]);
        assert_eq!(forms("4.3.1"), ["4.3.1", "4", "3", "1"]);
        assert_eq!(forms("SF1234567"), ["sf1234567", "sf", "1234567"]);
        assert_eq!(forms("iPhone15"), ["iphone15", "iphone", "15"]);
        assert_eq!(forms("5G"), ["5g"]);
        assert_eq!(forms("v4.3.1"), ["v4.3.1", "4.3.1", "v4", "3", "1"]);
        assert_eq!(forms("user_name"), ["user_name", "user", "name"]);
    }

    #[test]
    fn hyphens_also_joined() {
        assert_eq!(forms("Wi-Fi"), ["wi-fi", "wifi", "wi", "fi"]);
        assert_eq!(forms("400-800"), ["400-800", "400800", "400", "800"]);
        assert_eq!(forms("1,000"), ["1,000", "1000", "1", "000"]);
        assert_eq!(forms("1,20"), ["1", "20"]);
    }

    #[test]
    fn camel_case_by_the_original() {
        assert_eq!(forms("userName"), ["username", "user", "name"]);
        assert_eq!(forms("XMLHttpRequest"), ["xmlhttprequest", "xml", "http", "request"]);
        assert_eq!(forms("iPhone"), ["iphone"]);
        assert_eq!(forms("Orders"), ["orders"]);
    }

    #[test]
    fn names_with_symbols() {
        assert_eq!(forms("C++, C# and .NET."), ["c++", "c", "c#", "c", "and", ".net", "net"]);
        assert_eq!(forms("AT&T a&&b"), ["at&t", "at", "t", "a", "b"]);
        assert_eq!(
            forms("mail a.b@example.com!"),
            ["mail", "a.b@example.com", "a.b", "example.com", "a", "b", "example", "com"]
        );
        assert_eq!(
            forms("https://www.example.com/a?b=c"),
            ["https", "www.example.com", "www", "example", "com", "a", "b", "c"]
        );
        assert_eq!(forms("at 12:30"), ["at", "12:30", "12", "30"]);
    }

    #[test]
    fn apostrophes_accents_and_other_scripts() {
        assert_eq!(forms("the customer's don't"), ["the", "customer", "don't"]);
        assert_eq!(forms("Café's déjà-vu"), ["cafe", "deja-vu", "deja", "vu"]);
        assert_eq!(forms("Доброе утро"), ["доброе", "утро"]);
        assert_eq!(forms("-- .. '' # ++"), Vec::<String>::new());
    }

    #[test]
    fn endless_words_are_cut() {
        let long = "a".repeat(5_000);
        assert_eq!(forms(&long), ["a".repeat(MAX_TERM)]);
        let compound = "ab-".repeat(1_000);
        assert!(forms(&compound).iter().all(|form| form == "ab"));
    }
}
