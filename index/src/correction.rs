//! How should the query have been written, judged by what was found?
//!
//! Invariant: a correction is shown only where the best hit holds it, so that nothing shows of what the caller may not
//! see.

use std::ops::Range;

use crate::analyzer::stem;
use crate::error::Result;
use crate::lexical::{Prepared, PreparedAlternative};
use crate::normalize::{Folded, fold};
use crate::parts::Part;
use crate::rank::Ranked;
use crate::rewrite::{Rewritten, Source, substituted, units};
use crate::show::stored;

/// The query as it was understood, where the best hit rests on a correction of it.
pub(crate) fn corrected_query(
    best: &Ranked,
    parts: &[Part<'_>],
    rewritten: &Rewritten,
    prepared: Option<&Prepared>,
) -> Result<Option<String>> {
    if rewritten.corrections().next().is_none() {
        return Ok(None);
    }
    let Some(part) = parts.get(best.best.part) else { return Ok(None) };
    let found = text(best, part)?;
    let form = fold(&found);
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    match prepared {
        Some(prepared) => {
            let Some(address) = part.shelf.lexical.address(best.best.passage) else { return Ok(None) };
            for scored in prepared.parts(best.best.part, &part.shelf.lexical, address)? {
                let Some(PreparedAlternative { place: Some(place), text, source, .. }) = scored.alternative else {
                    continue;
                };
                if !places.iter().any(|(known, _)| known == place) {
                    places.push((place.clone(), shown(text, *source, &found, &form)));
                }
            }
        }
        // Vectors do not say what they rest on: what the hit holds is taken for it.
        None => {
            let held = rewritten.corrections().filter(|a| form.text.contains(a.text.as_str()));
            places.extend(held.filter_map(|a| Some((a.place.clone()?, shown(&a.text, a.source, &found, &form)))));
        }
    }
    Ok((!places.is_empty()).then(|| substituted(&rewritten.text, places)))
}

/// What the best hit says: its title, and the passage or question that matched.
fn text(best: &Ranked, part: &Part<'_>) -> Result<String> {
    let passage = stored(part, best.best.passage)?;
    Ok(format!("{}\n{}\n{}", best.record.title, passage.heading.join("\n"), passage.text))
}

/// A stem as a word: the one of the hit that has it, as it is written there.
fn shown(text: &str, source: Source, found: &str, form: &Folded) -> String {
    if source != Source::Spelling {
        return text.to_owned();
    }
    let words = units::units(&form.text).into_iter().map(|(_, range)| range);
    let mut words = words.filter(|range| form.text.get(range.clone()).is_some_and(|word| stem(word) == text));
    let written = words.next().and_then(|range| found.get(form.origin(range)));
    written.map_or_else(|| text.to_owned(), str::to_owned)
}
