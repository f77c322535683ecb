//! Which known phrase stands at a place of a text?
//!
//! Invariant: texts are given folded, one character for one; a Latin phrase matches whole words only.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The lists of both languages.
const DATA: [&str; 2] = [include_str!("data/zh.txt"), include_str!("data/en.txt")];

/// The phrases of a group by their first character, the longest first.
type Group = HashMap<char, Vec<Vec<char>>>;

/// Phrases of the data files, by group.
pub struct Phrases(HashMap<&'static str, Group>);

static PHRASES: LazyLock<Phrases> = LazyLock::new(Phrases::read);

/// The phrases that come with the program.
pub fn phrases() -> &'static Phrases {
    &PHRASES
}

impl Phrases {
    fn read() -> Self {
        let mut groups: HashMap<&str, Group> = HashMap::new();
        for data in DATA {
            let mut name = "";
            for line in data.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                // A phrase may begin with a bracket too; the name of a group is a Latin word.
                match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|name| name.is_ascii()) {
                    Some(found) => name = found,
                    None => {
                        let phrase: Vec<char> = line.chars().collect();
                        let Some(first) = phrase.first() else { continue };
                        groups.entry(name).or_default().entry(*first).or_default().push(phrase);
                    }
                }
            }
        }
        for list in groups.values_mut().flat_map(HashMap::values_mut) {
            list.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        }
        Self(groups)
    }

    fn at<'a>(&'a self, group: &str, text: &'a [char]) -> impl Iterator<Item = usize> + 'a {
        let list = text.first().and_then(|first| self.0.get(group)?.get(first));
        list.into_iter().flatten().filter(move |phrase| text.starts_with(phrase)).map(Vec::len)
    }

    /// The length of the longest phrase of the group that opens the text.
    pub fn opening(&self, group: &str, text: &[char]) -> Option<usize> {
        self.at(group, text).find(|length| whole_after(text, *length))
    }

    /// Whether the text is a phrase of the group.
    pub fn is(&self, group: &str, text: &[char]) -> bool {
        self.at(group, text).any(|length| length == text.len())
    }

    /// Where the longest phrase of the group begins that ends the text.
    pub fn ending(&self, group: &str, text: &[char]) -> Option<usize> {
        (0..text.len()).find(|at| whole_before(text, *at) && text.get(*at..).is_some_and(|rest| self.is(group, rest)))
    }

    /// The first phrase of the group in the text: where it begins and how long it is.
    pub fn find(&self, group: &str, text: &[char]) -> Option<(usize, usize)> {
        (0..text.len()).filter(|at| whole_before(text, *at)).find_map(|at| {
            let length = self.opening(group, text.get(at..)?)?;
            Some((at, length))
        })
    }

    /// Whether a phrase of the group stands in the text.
    pub fn holds(&self, group: &str, text: &[char]) -> bool {
        self.find(group, text).is_some()
    }
}

fn latin(c: Option<&char>) -> bool {
    c.is_some_and(char::is_ascii_alphanumeric)
}

fn whole_before(text: &[char], at: usize) -> bool {
    !(latin(at.checked_sub(1).and_then(|before| text.get(before))) && latin(text.get(at)))
}

fn whole_after(text: &[char], end: usize) -> bool {
    !(latin(end.checked_sub(1).and_then(|last| text.get(last))) && latin(text.get(end)))
}

/// A text for matching: lower case, half width, straight apostrophes; as many characters as before.
pub fn folded(text: &[char]) -> Vec<char> {
    text.iter().map(|c| fold(*c)).collect()
}

fn fold(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).map_or(c, |c| c.to_ascii_lowercase()),
        '\u{3000}' | '\u{a0}' => ' ',
        '’' | '‘' | '`' => '\'',
        '。' => '。',
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}
