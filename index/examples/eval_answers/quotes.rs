//! Ways of quoting to compare with, and how quotes are judged.

use zhiyin_index::Index;
use zhiyin_index::normalize::folded;
use zhiyin_index::sentence::sentences;
use zhiyin_index::snippet::Highlighter;

/// What a way of quoting gave, over all questions.
#[derive(Default)]
pub struct Tally {
    lengths: Vec<usize>,
    asked: usize,
    held: usize,
}

impl Tally {
    /// Counts one quote; an empty one is no answer.
    pub fn add(&mut self, quote: &str, answers: &[String]) {
        self.asked += 1;
        if quote.is_empty() {
            return;
        }
        self.lengths.push(quote.chars().count());
        self.held += usize::from(answers.iter().any(|gold| holds(quote, gold)));
    }

    pub fn asked(&self) -> usize {
        self.asked
    }

    pub fn print(&mut self, name: &str) {
        self.lengths.sort_unstable();
        let answered = self.lengths.len();
        let mean = self.lengths.iter().sum::<usize>() as f64 / answered.max(1) as f64;
        let median = self.lengths.get(answered / 2).copied().unwrap_or(0);
        let share = |n: usize| n as f64 * 100.0 / self.asked.max(1) as f64;
        println!("  {name:44} {:8.1}% {:8.1}% {mean:6.0} {median:6}", share(answered), share(self.held));
    }
}

/// Whether the quote holds the gold answer: NFKC, lower case, simplified, letters and digits only.
pub fn holds(quote: &str, gold: &str) -> bool {
    let gold = bare(gold);
    !gold.is_empty() && bare(quote).contains(&gold)
}

fn bare(text: &str) -> String {
    folded(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

pub fn first_sentence(body: &str) -> &str {
    sentences(body).into_iter().next().and_then(|range| body.get(range)).unwrap_or_default()
}

/// The selection of the first release: the sentence with most of the question's characters and the best cosine, and
/// those after it until 160 characters are reached.
pub fn run_of_sentences<'a>(index: &Index, question: &str, text: &'a str) -> &'a str {
    let highlighter = Highlighter::new(&index.terms(question));
    let ranges = sentences(text);
    let words: Vec<&str> = ranges.iter().filter_map(|range| text.get(range.clone())).collect();
    let cosines = index.likeness(question, &words);
    let coverage = |sentence: &str| {
        let marked: usize = highlighter
            .ranges(sentence)
            .iter()
            .filter_map(|r| sentence.get(r.clone()))
            .map(|s| s.chars().count())
            .sum();
        marked as f32 / (sentence.chars().count() as f32 + 20.0).sqrt() / 4.0
    };
    let coverages: Vec<f32> = words.iter().map(|sentence| coverage(sentence)).collect();
    let silent = coverages.iter().all(|c| *c == 0.0);
    let scores: Vec<f32> = coverages.iter().zip(&cosines).map(|(c, cosine)| c + cosine.max(0.0)).collect();
    let ranked = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    let Some((best, score)) = (if silent { scores.iter().enumerate().next() } else { ranked }) else { return "" };
    let (start, mut end) = (ranges[best].start, ranges[best].end);
    for (range, follower) in ranges.iter().zip(&scores).skip(best + 1).take(2) {
        if text[start..end].chars().count() >= 160 || *follower < score * 0.3 {
            break;
        }
        end = range.end;
    }
    &text[start..end]
}
