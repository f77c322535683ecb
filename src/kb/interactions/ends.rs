//! How a conversation ended, said after its questions were searched: what did not help is counted then.
//!
//! Invariant: the counts change in the batch that keeps the new end, and the same end said again changes nothing.

use crate::error::Result;
use crate::id::QueryId;
use crate::kb::gaps::{Circumstances, GapCounts, Outcome};
use crate::kb::{Kb, records};
use crate::model::interaction::Session;
use crate::store::Batch;

/// A new end of a conversation whose questions were searched.
pub(super) struct End {
    session: String,
    queries: Vec<QueryId>,
    by: Outcome,
    /// Hashes of who asked.
    counted: Vec<String>,
    handed_off: bool,
    low_rated: bool,
}

impl End {
    /// What changed; nothing where no question was searched yet: then they are counted as it ended.
    pub fn of(id: &str, before: &Session, after: &Session) -> Option<Self> {
        let change = |was: bool, is: bool| i64::from(is) - i64::from(was);
        let failed = |session: &Session| (session.handed_off == Some(true), session.is_low_rated());
        let (was, is) = (failed(before), failed(after));
        if was == is || after.queries.is_empty() {
            return None;
        }
        Some(Self {
            session: id.to_owned(),
            queries: after.queries.clone(),
            by: Outcome { handed_off: change(was.0, is.0), low_rated: change(was.1, is.1) },
            counted: after.customer.iter().chain(&after.key).cloned().chain([id.to_owned()]).collect(),
            handed_off: is.0,
            low_rated: is.1,
        })
    }
}

impl Kb {
    /// Counts the end of a conversation in the gaps of its questions; what was found and did not help gets one. The
    /// caller holds the space's lock and that of gaps.
    pub(super) fn count_end(&self, gaps: &mut GapCounts, batch: &mut Batch, end: End) -> Result<()> {
        for id in &end.queries {
            let Some(mut record) = self.inner.store.get_query(id)? else { continue };
            if record.gap_id.is_some() {
                self.recount_outcome(gaps, &record, end.by)?;
                continue;
            }
            let form = records::form(&record.query);
            if (!end.handed_off && !end.low_rated) || form.is_empty() {
                continue;
            }
            record.gap_id = Some(records::gap_of(&record.space, &form));
            let circumstances = Circumstances {
                nearest: self.near_of(&record)?,
                source: records::source_of(&end.counted, None),
                place: Some((end.session.clone(), 0)),
                handed_off: end.handed_off,
                low_rated: end.low_rated,
                ..Circumstances::default()
            };
            self.count_in_gap(gaps, &record, circumstances)?;
            batch.put_query(&record);
        }
        Ok(())
    }
}
