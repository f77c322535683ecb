//! What is kept of a grouping? Members, where each stands, and what editors decided.
//!
//! Invariant: a member is in one group or waits, and what is here is all that is needed to go on after a restart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dense::Code;

/// The stable name of a group; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub u64);

/// A question to be grouped.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The caller's name for it; a question that comes again adds to the weight of the first.
    pub id: String,
    /// The question.
    pub text: String,
    /// Its vector, of the grouping's dimension; zeros when there is none.
    pub vector: Vec<f32>,
    /// How often it was asked.
    pub weight: f32,
}

/// Where a member was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Into a group that was there.
    Joined(GroupId),
    /// Into a new group, with a member that had waited.
    Founded(GroupId),
    /// Nothing is like it yet.
    Waits,
}

/// What a consolidation, or an editor, changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum GroupChange {
    /// A group of members most of which had waited.
    Founded {
        /// The new group.
        group: GroupId,
    },
    /// A group ended, most of its members being in another now.
    Merged {
        /// Where they are.
        into: GroupId,
        /// The group that ended.
        from: GroupId,
    },
    /// A new group of members most of which were in another.
    Split {
        /// Where they were.
        from: GroupId,
        /// The new group.
        into: GroupId,
    },
    /// A group ended, most of its members waiting again.
    Dissolved {
        /// The group that ended.
        group: GroupId,
    },
    /// A member changed its place otherwise than by one of the above.
    Moved {
        /// The member's id.
        member: String,
        /// Where it was; none when it waited.
        from: Option<GroupId>,
        /// Where it is; none when it waits.
        to: Option<GroupId>,
    },
}

/// How questions are grouped; the defaults are what [`super`] measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupSettings {
    /// Neighbours of a member in the graph; fewer while members are few.
    pub neighbours: usize,
    /// Weight of shared words beside the cosine's 1.
    pub words: f32,
    /// What the cosine of questions in different languages counts: no words that they could share add to it.
    pub across: f32,
    /// Similarity below which there is no edge.
    pub floor: f32,
    /// How much of what two members' surroundings are denser than others' is taken off their similarity.
    pub crowd: f32,
    /// The power of the similarity in an edge's weight.
    pub power: i32,
    /// What an edge counts without common neighbours.
    pub alone: f32,
    /// Resolution of the Constant Potts Model before the first consolidation; each consolidation finds its own.
    pub resolution: f32,
    /// The finest resolution that is tried, and how many more, each the one before ÷ √2.
    pub finest: f32,
    /// See `finest`.
    pub steps: usize,
    /// Price of a member in a group of n, × ln n, in the score when a resolution is chosen.
    pub price: f32,
    /// What the score counts beside the margin, when a resolution is chosen.
    pub score: f32,
    /// How far below the best's value a resolution counts 1/e as much as the best, in the mean that is chosen.
    pub spread: f32,
    /// What a new partition must gain over the one there is.
    pub gain: f32,
    /// The mean counts as if so many members at zero were there too.
    pub shrink: f32,
    /// Threads that a consolidation may use; they change the time, not the result.
    pub threads: usize,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            neighbours: 20,
            words: 0.5,
            across: 1.05,
            floor: 0.05,
            crowd: 0.5,
            power: 6,
            alone: 1.2,
            resolution: 0.03,
            finest: 0.4,
            steps: 19,
            price: 0.15,
            score: 0.5,
            spread: 0.05,
            gain: 0.01,
            shrink: 16.0,
            threads: 2,
        }
    }
}

/// A member as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub id: String,
    pub text: String,
    pub weight: f32,
    /// Whether it is Chinese.
    pub chinese: bool,
    /// The vector as it came, not centred.
    pub code: Code,
    pub group: Option<GroupId>,
    /// Members with the same bond stay together: an editor said so.
    pub bond: Option<u32>,
    /// Sides of splits by an editor: members on different sides of one split never meet.
    pub sides: Vec<Side>,
    /// Rows of the most similar members, best first.
    pub neighbours: Vec<Near>,
    /// Mean similarity to the nearest, as it was when the mean of all was taken or the member came.
    #[serde(default)]
    pub crowd: f32,
    /// Taken out; the row goes with the next consolidation.
    pub gone: bool,
}

/// What the vectors of a language share, which tells none of them apart, but the languages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Means {
    pub chinese: Vec<f32>,
    pub others: Vec<f32>,
}

/// A side of an editor's split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Side {
    pub split: u32,
    /// Whether it is the part that was taken out.
    pub out: bool,
}

impl Side {
    pub fn other(self) -> Self {
        Self { out: !self.out, ..self }
    }
}

/// A neighbour and how similar it is, for how dense both surroundings are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Near {
    pub row: u32,
    pub similarity: f32,
}

impl Near {
    /// Best first: more similar, then lower row.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.row.cmp(&other.row))
    }
}

/// All that is kept of a grouping, to be stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupingState {
    pub(super) settings: GroupSettings,
    pub(super) dimension: usize,
    pub(super) members: Vec<Kept>,
    /// What is subtracted from vectors, and how many members there were when it was taken.
    pub(super) means: Means,
    pub(super) centred: usize,
    /// The mean of the members' `crowd`.
    #[serde(default)]
    pub(super) crowd: f32,
    /// The resolution in force.
    pub(super) resolution: f32,
    pub(super) consolidated: bool,
    pub(super) next_group: u64,
    pub(super) next_mark: u32,
    /// Groups that ended in another.
    pub(super) successors: BTreeMap<GroupId, GroupId>,
}

impl GroupingState {
    /// An empty one, for vectors of `dimension` values.
    #[must_use]
    pub fn new(dimension: usize, settings: GroupSettings) -> Self {
        Self {
            resolution: settings.resolution,
            settings,
            dimension,
            members: Vec::new(),
            means: Means { chinese: vec![0.0; dimension], others: vec![0.0; dimension] },
            centred: 0,
            crowd: 0.0,
            consolidated: false,
            next_group: 1,
            next_mark: 0,
            successors: BTreeMap::new(),
        }
    }
}
