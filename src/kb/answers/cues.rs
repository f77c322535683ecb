//! Phrases by group, read from a data file.
//!
//! Invariant: a Latin phrase matches whole words only; texts are given folded.

/// The groups of a file: `[name]`, then one phrase a line; `#` begins a remark.
pub struct Cues<'a> {
    groups: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Cues<'a> {
    /// Reads a file.
    pub fn of(data: &'a str) -> Self {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in data.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => groups.push((name, Vec::new())),
                None => groups.iter_mut().last().into_iter().for_each(|(_, phrases)| phrases.push(line)),
            }
        }
        Self { groups }
    }

    fn phrases(&self, group: &str) -> impl Iterator<Item = &'a str> {
        self.groups.iter().filter(move |(name, _)| *name == group).flat_map(|(_, phrases)| phrases.iter().copied())
    }

    /// Whether a phrase of the group stands in the text.
    pub fn holds(&self, group: &str, text: &str) -> bool {
        self.phrases(group).any(|phrase| text.match_indices(phrase).any(|(at, _)| whole(text, at, phrase.len())))
    }

    /// The length of the longest phrase of the group that opens the text.
    pub fn opening(&self, group: &str, text: &str) -> Option<usize> {
        let opens = |phrase: &&str| text.starts_with(*phrase) && whole(text, 0, phrase.len());
        self.phrases(group).filter(opens).map(str::len).max()
    }

    /// Whether the text ends with a phrase of the group.
    pub fn ends(&self, group: &str, text: &str) -> bool {
        self.phrases(group).any(|phrase| text.trim_end().ends_with(phrase))
    }
}

/// Whether the phrase is no part of a longer Latin word.
fn whole(text: &str, at: usize, length: usize) -> bool {
    let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let phrase = text.get(at..at + length).unwrap_or_default();
    let before = text.get(..at).and_then(|head| head.chars().next_back());
    let after = text.get(at + length..).and_then(|rest| rest.chars().next());
    let cut_before = latin(before) && latin(phrase.chars().next());
    let cut_after = latin(after) && latin(phrase.chars().next_back());
    !cut_before && !cut_after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_by_group_and_as_whole_words() {
        let cues = Cues::of("# remark\n[a]\nsue\n投诉\n[b]\nand\nand then\n");
        assert!(cues.holds("a", "i will sue you") && !cues.holds("a", "an issue"));
        assert!(cues.holds("a", "我要投诉你们") && !cues.holds("b", "我要投诉你们"));
        assert_eq!(cues.opening("b", "and then what"), Some(8));
        assert_eq!(cues.opening("b", "android"), None);
    }
}
