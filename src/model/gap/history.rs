//! How did a gap come to hold the questions that it holds?
//!
//! Invariant: at most 50 entries, the newest first; what happened between the same two gaps at one moment is one entry.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::GapId;

/// Most entries kept of a gap's history, the newest.
pub const MAX_HISTORY: usize = 50;

/// What happened to a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapChange {
    /// Another gap ended in this one.
    Merged,
    /// It was parted from another gap.
    Founded,
    /// It took wordings of another gap, which goes on.
    Took,
    /// It gave wordings to another gap.
    Gave,
    /// Its questions, asked again, were answered.
    Closed,
    /// Its questions were no longer answered, or an editor opened it again.
    Reopened,
}

/// One entry of a gap's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GapEvent {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub change: GapChange,
    /// The other gap, for merges and splits; one that ended is found under its old id, as the gap that took its wordings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapId>,
    /// Wordings that were moved; 0 where none was.
    #[serde(default)]
    pub wordings: u64,
    /// `consolidation`, `replay`, or whoever did it.
    pub by: String,
}

/// Notes what happened; the rest of what is noted already becomes one entry with it.
pub(super) fn note(history: &mut Vec<GapEvent>, event: GapEvent) {
    let same = |known: &&mut GapEvent| known.at == event.at && known.gap == event.gap && known.by == event.by;
    match history.iter_mut().find(same).filter(|known| known.gap.is_some()) {
        Some(known) => {
            known.wordings += event.wordings;
            // Wordings move some at a time: only the last of them says that the other gap has ended.
            if event.change == GapChange::Merged {
                known.change = GapChange::Merged;
            }
        }
        None => history.insert(0, event),
    }
    history.truncate(MAX_HISTORY);
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn event(second: i64, change: GapChange, gap: Option<&str>) -> GapEvent {
        let at = Timestamp::from_second(second).expect("a moment");
        let gap = gap.map(|id| id.parse().expect("an id"));
        GapEvent { at, change, gap, wordings: 64, by: "consolidation".into() }
    }

    #[test]
    fn the_newest_stand_first_and_what_happened_at_once_is_one() {
        let mut history = Vec::new();
        note(&mut history, event(1, GapChange::Took, Some("g_a")));
        note(&mut history, event(1, GapChange::Merged, Some("g_a")));
        note(&mut history, event(1, GapChange::Took, Some("g_b")));
        note(&mut history, event(2, GapChange::Closed, None));
        note(&mut history, event(2, GapChange::Reopened, None));
        let told: Vec<(GapChange, u64)> = history.iter().map(|event| (event.change, event.wordings)).collect();
        let expected =
            [(GapChange::Reopened, 64), (GapChange::Closed, 64), (GapChange::Took, 64), (GapChange::Merged, 128)];
        assert_eq!(told, expected);
        (3..90).for_each(|second| note(&mut history, event(second, GapChange::Closed, None)));
        assert_eq!((history.len(), history.first().map(|event| event.at.as_second())), (MAX_HISTORY, Some(89)));
    }
}
