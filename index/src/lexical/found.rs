//! Where do the postings of a term stand, and what does each passage get from them?
//!
//! Invariant: the lists of a term and its clauses say the same: lists for going through a segment, clauses for telling
//! what each field gave.

use std::sync::Arc;

use tantivy::postings::TermInfo;

use super::cursor::{Cursor, Norms, Packed};
use super::postings::{Posting, Postings};
use super::view::{InField, Segment};
use crate::document::FIELD_COUNT;
use crate::error::Result;

/// Most views that are searched together: what is live, and what was.
pub(super) const VIEWS: usize = 2;
/// Most postings of a term in a segment, or of one field of it, that are kept unpacked.
const SHORT: u32 = 1 << 16;

/// What lengths do to scores, by field.
pub(super) type FieldNorms = [Box<Norms>; FIELD_COUNT];

/// One term in one field, with its weight.
pub(super) struct Clause {
    pub field: usize,
    pub text: Arc<str>,
    /// The most that it gives.
    pub weight: f32,
    /// Its postings, by view.
    pub places: [Option<InField>; VIEWS],
}

impl Clause {
    fn place(&self, view: usize, segment: usize) -> Option<&TermInfo> {
        let held = self.places.get(view)?.as_ref()?;
        held.places.iter().find(|place| place.segment == segment).map(|place| &place.info)
    }

    /// Its postings in a segment of a view, as they are packed.
    pub fn packed<'a>(
        &'a self,
        (view, ordinal): (usize, usize),
        segment: &'a Segment,
        norms: &'a FieldNorms,
        scale: f32,
    ) -> Option<Packed<'a>> {
        let info = self.place(view, ordinal)?;
        let (inverted, lengths) = segment.text(self.field)?;
        let norms = norms.get(self.field)?;
        Some(Packed { inverted, info, lengths, norms, weight: self.weight * scale })
    }
}

/// Postings of a term in one segment.
pub(super) enum List {
    /// Of one or more fields together, scored.
    Short(Postings),
    /// Of one field, by its clause.
    Long(usize),
}

/// A term as the views have it.
pub(crate) struct Found {
    pub(super) clauses: Vec<Clause>,
    /// By view and segment.
    pub(super) lists: [Vec<Vec<List>>; VIEWS],
    /// Passages that hold it, in the field where most do.
    pub frequency: u64,
    /// How rare it is; one that nobody wrote counts as the rarest.
    pub idf: f32,
    /// What its kind is weighed with: stop words and bigrams less.
    pub strength: f32,
}

impl Found {
    /// Its lists in a segment, multiplied by `scale`.
    pub(super) fn cursors<'a>(
        &'a self,
        (view, ordinal): (usize, usize),
        segment: &'a Segment,
        norms: &'a FieldNorms,
        scale: f32,
    ) -> impl Iterator<Item = Cursor<'a>> {
        let lists = self.lists.get(view).and_then(|lists| lists.get(ordinal)).into_iter().flatten();
        lists.filter_map(move |list| match list {
            List::Short(postings) => Some(Cursor::short(postings, scale)),
            List::Long(clause) => {
                self.clauses.get(*clause)?.packed((view, ordinal), segment, norms, scale).map(Cursor::long)
            }
        })
    }

    /// How many postings are kept unpacked.
    pub(super) fn postings(&self) -> usize {
        let lists = self.lists.iter().flatten().flatten();
        lists.map(|list| if let List::Short(postings) = list { postings.len() } else { 1 }).sum()
    }
}

/// The lists of one segment: what is short is unpacked, scored, and put together.
pub(super) fn lists(
    clauses: &[Clause],
    place: (usize, usize),
    segment: &Segment,
    norms: &FieldNorms,
) -> Result<Vec<List>> {
    let length = |clause: &Clause| clause.place(place.0, place.1).map_or(0, |info| info.doc_freq);
    let whole = clauses.iter().map(length).fold(0, u32::saturating_add) <= SHORT;
    let mut lists = Vec::new();
    let mut together: Vec<Posting> = Vec::new();
    for (at, clause) in clauses.iter().enumerate() {
        let Some(list) = clause.packed(place, segment, norms, 1.0) else { continue };
        if list.info.doc_freq > SHORT {
            lists.push(List::Long(at));
            continue;
        }
        list.unpack(|doc, score| together.push(Posting { doc, score }))?;
        if !whole {
            lists.push(short(std::mem::take(&mut together)));
        }
    }
    if !together.is_empty() {
        // The fields' lists one after the other: runs that only have to be merged.
        together.sort_by_key(|posting| posting.doc);
        lists.push(short(together));
    }
    Ok(lists)
}

/// A list of ascending passages; where one stands several times its scores are added up.
fn short(mut postings: Vec<Posting>) -> List {
    postings.dedup_by(|next, before| {
        let same = next.doc == before.doc;
        if same {
            before.score += next.score;
        }
        same
    });
    List::Short(Postings::new(postings))
}
