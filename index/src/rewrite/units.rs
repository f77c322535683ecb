//! Of which units is a text made, as far as phrases are compared?
//!
//! Invariant: a unit does not depend on a dictionary: a Chinese character, or a word of other scripts in its stem.

use std::ops::Range;

use crate::analyzer::stem;
use crate::script::Runs;
use crate::words;

/// The units of a folded text, and where they stand.
pub(crate) fn units(folded: &str) -> Vec<(Box<str>, Range<usize>)> {
    let mut units = Vec::new();
    for (script, range) in Runs::new(folded) {
        let run = folded.get(range.clone()).unwrap_or_default();
        if script.has_grams() {
            units.extend(run.char_indices().map(|(at, c)| {
                let start = range.start + at;
                (Box::from(c.encode_utf8(&mut [0; 4]) as &str), start..start + c.len_utf8())
            }));
            continue;
        }
        let mut end = 0;
        words::words(
            run,
            |_| None,
            |form| {
                // Parts of a compound, and its other spellings, follow the whole.
                if form.range.start >= end {
                    end = form.range.end;
                    let plain: String = form.text.chars().filter(|c| *c != '-').collect();
                    let place = range.start + form.range.start..range.start + form.range.end;
                    units.push((stem(&plain).into_owned().into(), place));
                }
            },
        );
    }
    units
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn characters_and_stems() {
        let of = |text: &str| units(text).into_iter().map(|(unit, _)| unit.into_string()).collect::<Vec<_>>();
        assert_eq!(of("退换货 of returned wi-fi"), ["退", "换", "货", "of", "return", "wifi"]);
        assert_eq!(of("5g套餐"), ["5g", "套", "餐"]);
    }
}
