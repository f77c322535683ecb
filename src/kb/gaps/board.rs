//! Which forms ask for the same article? The groups of a space, kept in memory and told to the gaps.
//!
//! Invariant: the store decides: the groups are made anew of its forms and of what editors said, at any time; a group's
//! forms stand under one gap, except those of gaps that somebody works on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::json;
use zhiyin_index::analyzer::Analyzer;
use zhiyin_index::embed::{Embedder, Role};
use zhiyin_index::groups::{GroupId, GroupSettings, Grouping, Member, Placed};

use super::moves::{Called, Move};
use crate::error::{Error, Result};
use crate::id::{GapId, ModelName, SpaceId};
use crate::kb::{GapKeeper, Kb};
use crate::model::gap::{ConsolidationReport, Form, GapHead, GapStatus, GroupEdit};
use crate::model::mask::without_tags;

/// Most forms of a space that are grouped, those most asked; the rest stand by themselves until they are asked more.
pub(crate) const MAX_FORMS: usize = 50_000;
/// Forms up to which neighbours are found anew at a start; with more, the next consolidation does it.
const SETTLED: usize = 10_000;
/// Members up to which a group's label is looked for when one joins.
const LABELLED: usize = 200;
/// Words that tell a gap from others.
const KEYWORDS: usize = 8;
/// Who groups gaps anew where nobody says so.
const CONSOLIDATION: &str = "consolidation";
/// Forms placed before others get a turn.
const BATCH: usize = 64;

/// What the groups of a space have yet to hear of.
#[derive(Default)]
pub(crate) struct News {
    forms: BTreeSet<GapId>,
    edits: Vec<GroupEdit>,
}

/// The groups of all spaces.
#[derive(Default)]
pub(crate) struct Boards {
    news: Mutex<BTreeMap<SpaceId, News>>,
    boards: Mutex<BTreeMap<SpaceId, Arc<Mutex<Board>>>>,
}

/// The groups of one space.
struct Board {
    grouping: Grouping,
    embedder: Arc<dyn Embedder>,
    /// The gap of each group.
    gaps: HashMap<GroupId, GapId>,
}

impl Boards {
    /// Tells of forms that were counted; those known change their weight only.
    pub fn counted<'a>(&self, space: &SpaceId, forms: impl Iterator<Item = &'a GapId>) {
        let mut news = self.news.lock();
        news.entry(space.clone()).or_default().forms.extend(forms.cloned());
    }

    /// Tells of what an editor said.
    pub fn edited(&self, space: &SpaceId, edit: GroupEdit) {
        self.news.lock().entry(space.clone()).or_default().edits.push(edit);
    }

    /// The forms of which editors said something that the groups have yet to hear of.
    pub fn spoken_of(&self, space: &SpaceId) -> BTreeSet<GapId> {
        let news = self.news.lock();
        let edits = news.get(space).into_iter().flat_map(|news| &news.edits);
        edits.flat_map(|edit| edit.forms().cloned()).collect()
    }

    /// Has the groups of a space made anew of what the store holds, when they are needed next.
    pub fn reload(&self, space: &SpaceId) {
        self.boards.lock().remove(space);
    }

    /// Forgets a space.
    pub fn forget(&self, space: &SpaceId) {
        self.news.lock().remove(space);
        self.boards.lock().remove(space);
    }

    /// Takes some of what is new; all edits come first.
    fn take(&self, space: &SpaceId) -> News {
        let mut all = self.news.lock();
        let Some(news) = all.get_mut(space) else { return News::default() };
        let mut taken = News { edits: std::mem::take(&mut news.edits), forms: BTreeSet::new() };
        while taken.forms.len() < BATCH
            && let Some(form) = news.forms.pop_first()
        {
            taken.forms.insert(form);
        }
        if news.forms.is_empty() {
            all.remove(space);
        }
        taken
    }

    fn spaces(&self) -> Vec<SpaceId> {
        self.news.lock().keys().cloned().collect()
    }
}

fn member(form: &Form, embedder: &dyn Embedder) -> Result<Member> {
    // What was masked is the same in all that held it, and would draw them together.
    let told = without_tags(form.question());
    let text = if told.trim().is_empty() { form.question() } else { told.as_str() };
    let vectors =
        embedder.embed(&[text], Role::Query).map_err(|why| Error::Index(format!("a form's vector: {why}")))?;
    let vector = vectors.into_iter().next().unwrap_or_default();
    Ok(Member { id: form.id.to_string(), text: text.to_owned(), vector, weight: form.tally.queries as f32 })
}

fn id_of(member: &str) -> Option<GapId> {
    member.parse().ok()
}

impl Board {
    fn replay(&mut self, edit: &GroupEdit) {
        let names = |forms: &[GapId]| forms.iter().map(GapId::to_string).collect::<Vec<_>>();
        fn all(names: &[String]) -> Vec<&str> {
            names.iter().map(String::as_str).collect()
        }
        let _group = match edit {
            GroupEdit::Merge { forms, .. } => self.grouping.tie(&all(&names(forms))),
            GroupEdit::Split { out, rest, .. } => self.grouping.part(&all(&names(out)), &all(&names(rest))),
        };
    }

    fn called(&self, group: GroupId) -> Option<Called> {
        let (clearest, _) = self.grouping.label(group)?;
        let words = self.grouping.keywords(group, KEYWORDS).into_iter().map(|(word, _)| word);
        Some(Called { form: id_of(clearest)?, keywords: words.collect(), related: None })
    }

    /// Whether a form of which nothing is known takes part.
    fn has_room(&self) -> bool {
        self.grouping.len() < MAX_FORMS
    }
}

impl Kb {
    /// Groups what was counted since, in every space; says whether anything was done.
    pub(crate) fn group_news(&self, now: Timestamp) -> Result<bool> {
        let mut done = false;
        for space in self.inner.boards.spaces() {
            if self.shelf(&space).is_err() {
                self.inner.boards.forget(&space);
                continue;
            }
            // Loaded first: what the store holds by then is in it, and placing it again changes nothing.
            let board = self.board(&space)?;
            let mut board = board.lock();
            let news = self.inner.boards.take(&space);
            self.hear(&space, &mut board, &news, now)?;
            drop(board);
            self.examine(&space, news.forms.iter(), now)?;
            done = true;
        }
        Ok(done)
    }

    /// Finds the forms that nobody has looked into before the last stop.
    pub(crate) fn remember_news(&self) -> Result<()> {
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        for space in spaces {
            let mut left = Vec::new();
            for form in self.inner.store.forms(&space) {
                let form = form?;
                if form.why.is_none() && form.tally.partial < form.tally.queries {
                    left.push(form.id);
                }
            }
            if !left.is_empty() {
                self.inner.boards.counted(&space, left.iter());
            }
        }
        Ok(())
    }

    /// Looks at all forms of a space at once: gaps are merged and split, and keep their ids where most of their forms stay
    /// together. What editors said stays, and so does what they work on.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn consolidate_gaps(&self, keeper: &GapKeeper, now: Timestamp) -> Result<ConsolidationReport> {
        self.consolidate_space(&keeper.grant().space, now)
    }

    /// Consolidates every space, as once a night.
    pub(crate) fn consolidate_everywhere(&self, now: Timestamp) -> Result<()> {
        let spaces: Vec<SpaceId> = self.inner.spaces.read().keys().cloned().collect();
        for space in spaces {
            let report = self.consolidate_space(&space, now)?;
            if report.moved > 0 {
                tracing::info!(%space, forms = report.forms, gaps = report.gaps, moved = report.moved, "gaps were consolidated");
            }
            let forms: Vec<GapId> = self.inner.store.forms(&space).map(|form| Ok(form?.id)).collect::<Result<_>>()?;
            self.examine(&space, forms.iter(), now)?;
        }
        Ok(())
    }

    fn consolidate_space(&self, space: &SpaceId, now: Timestamp) -> Result<ConsolidationReport> {
        let started = Instant::now();
        let board = self.board(space)?;
        let mut board = board.lock();
        loop {
            let news = self.inner.boards.take(space);
            if news.forms.is_empty() && news.edits.is_empty() {
                break;
            }
            self.hear(space, &mut board, &news, now)?;
            self.examine(space, news.forms.iter(), now)?;
        }
        board.grouping.consolidate();
        // An editor may have spoken meanwhile.
        let news = self.inner.boards.take(space);
        self.hear(space, &mut board, &news, now)?;
        self.keep_resolution(space, &board)?;
        let forms: Vec<Form> = self.inner.store.forms(space).collect::<Result<_>>()?;
        let gaps: BTreeMap<GapId, Arc<GapHead>> =
            self.inner.store.gap_heads(space)?.into_iter().map(|gap| (gap.id.clone(), gap)).collect();
        let (moves, called) = board.places(space, &forms, &gaps)?;
        let moved = self.move_forms(space, &moves, &called, Some(CONSOLIDATION), now)?;
        let after: BTreeSet<GapId> = self.inner.store.gap_heads(space)?.iter().map(|gap| gap.id.clone()).collect();
        Ok(ConsolidationReport {
            forms: forms.len() as u64,
            gaps: after.len() as u64,
            moved: moved as u64,
            ended: gaps.keys().filter(|id| !after.contains(id)).count() as u64,
            founded: after.iter().filter(|id| !gaps.contains_key(id)).count() as u64,
            took_ms: started.elapsed().as_millis() as u64,
        })
    }

    /// The groups of a space, made of its forms where they are not at hand.
    fn board(&self, space: &SpaceId) -> Result<Arc<Mutex<Board>>> {
        if let Some(board) = self.inner.boards.boards.lock().get(space) {
            return Ok(board.clone());
        }
        let model = self.inner.models.load(&ModelName::bundled()).map_err(Error::Index)?;
        let embedder = model.embedder.clone();
        let mut grouping = Grouping::new(Analyzer::new(), embedder.dimension(), GroupSettings::default());
        let mut forms: Vec<Form> = self.inner.store.forms(space).collect::<Result<_>>()?;
        forms.sort_by(|a, b| b.tally.queries.cmp(&a.tally.queries).then(a.id.cmp(&b.id)));
        let edits = self.inner.store.group_edits(space)?;
        let edited: BTreeSet<GapId> = edits.iter().flat_map(|edit| edit.forms().cloned()).collect();
        let mut place = 0;
        forms.retain(|form| {
            place += 1;
            place <= MAX_FORMS || edited.contains(&form.id)
        });
        for form in &forms {
            grouping.admit(member(form, embedder.as_ref())?, form.group.map(GroupId));
        }
        let mut board = Board { grouping, embedder, gaps: HashMap::new() };
        edits.iter().for_each(|edit| board.replay(edit));
        let closed = self.closed_gaps(space)?;
        // Where forms stand was decided after the edits, too.
        for form in &forms {
            board.grouping.put(form.id.as_str(), form.group.map(GroupId));
            if let Some(group) = form.group {
                let gap = board.gaps.entry(GroupId(group)).or_insert_with(|| form.gap.clone());
                if closed.contains(gap) {
                    gap.clone_from(&form.gap);
                }
            }
        }
        let resolution = self.inner.store.state(&resolution_name(space))?.and_then(|value| value.as_f64());
        if forms.len() <= SETTLED {
            board.grouping.settle(resolution.map(|value| value as f32));
        }
        let board = Arc::new(Mutex::new(board));
        Ok(self.inner.boards.boards.lock().entry(space.clone()).or_insert(board).clone())
    }

    /// The gaps whose questions are answered.
    fn closed_gaps(&self, space: &SpaceId) -> Result<BTreeSet<GapId>> {
        let heads = self.inner.store.gap_heads(space)?.into_iter();
        Ok(heads.filter(|gap| gap.status == GapStatus::Closed).map(|gap| gap.id.clone()).collect())
    }

    fn keep_resolution(&self, space: &SpaceId, board: &Board) -> Result<()> {
        let Some(resolution) = board.grouping.resolution() else { return Ok(()) };
        let mut batch = self.inner.store.batch();
        batch.put_state(&resolution_name(space), &json!(resolution));
        self.inner.store.commit(batch).map(drop)
    }

    /// Takes what is new into the groups, and tells the gaps.
    fn hear(&self, space: &SpaceId, board: &mut Board, news: &News, now: Timestamp) -> Result<()> {
        for edit in &news.edits {
            // They may have been counted a moment ago.
            for id in edit.forms() {
                if board.grouping.holds(id.as_str()) {
                    continue;
                }
                if let Some(form) = self.inner.store.get_form(space, id)? {
                    board.grouping.wait(member(&form, board.embedder.as_ref())?);
                }
            }
            board.replay(edit);
            // An editor's gaps are those that the store has by now.
            for id in edit.forms() {
                let group = board.grouping.group_of(id.as_str());
                if let (Some(group), Some(form)) = (group, self.inner.store.get_form(space, id)?) {
                    board.gaps.insert(group, form.gap);
                }
            }
        }
        let (mut moves, mut touched) = (Vec::new(), BTreeMap::new());
        for id in &news.forms {
            let Some(form) = self.inner.store.get_form(space, id)? else { continue };
            if board.grouping.weigh(id.as_str(), form.tally.queries as f32) {
                continue;
            }
            if !board.has_room() {
                continue;
            }
            let group = match board.grouping.place(member(&form, board.embedder.as_ref())?) {
                Placed::Waits => continue,
                Placed::Joined(group) | Placed::Founded(group) => group,
            };
            let others: Vec<GapId> = board.grouping.members(group).filter_map(id_of).collect();
            let gap = match board.gaps.get(&group).cloned() {
                Some(gap) => gap,
                // A group of two: the other one waited under a gap of its own.
                None => {
                    let other = others.iter().find(|other| *other != id).unwrap_or(id);
                    let known = self.inner.store.get_form(space, other)?;
                    known.map_or_else(|| other.clone(), |form| form.gap)
                }
            };
            // What is asked beside a closed gap, and is not answered, is not hidden under it.
            let known = if gap == form.gap { None } else { self.inner.store.get_gap(space, &gap)? };
            let beside = known.filter(|known| known.status == GapStatus::Closed).map(|known| known.id);
            let gap = if beside.is_some() { form.gap.clone() } else { gap };
            board.gaps.insert(group, gap.clone());
            let to = |form: &GapId| Move { form: form.clone(), to: gap.clone(), group: Some(group.0) };
            moves.push(to(id));
            if others.len() == 2 {
                moves.extend(others.iter().filter(|other| *other != id).map(to));
            }
            let known: &mut Option<GapId> = touched.entry(group).or_default();
            *known = beside.or_else(|| known.take());
        }
        let mut called = BTreeMap::new();
        for (group, related) in touched {
            let small = board.grouping.members(group).count() <= LABELLED;
            if let (true, Some(gap), Some(name)) =
                (small || related.is_some(), board.gaps.get(&group), board.called(group))
            {
                called.insert(gap.clone(), Called { related, ..name });
            }
        }
        self.move_forms(space, &moves, &called, None, now).map(drop)
    }
}

impl Board {
    /// Where forms stand after a consolidation, what their gaps are called, and which gap each group has from now on.
    fn places(
        &mut self,
        space: &SpaceId,
        forms: &[Form],
        gaps: &BTreeMap<GapId, Arc<GapHead>>,
    ) -> Result<(Vec<Move>, BTreeMap<GapId, Called>)> {
        let worked_on = |id: &GapId| gaps.get(id).is_some_and(|gap| gap.is_worked_on());
        let closed = |id: &GapId| gaps.get(id).is_some_and(|gap| gap.status == GapStatus::Closed);
        let mut groups: BTreeMap<GroupId, Vec<&Form>> = BTreeMap::new();
        let mut alone: Vec<&Form> = Vec::new();
        for form in forms {
            match self.grouping.group_of(form.id.as_str()) {
                Some(group) => groups.entry(group).or_default().push(form),
                None => alone.push(form),
            }
        }
        let weight = |forms: &[&Form]| forms.iter().map(|form| form.tally.queries).sum::<u64>();
        let mut ordered: Vec<(GroupId, Vec<&Form>)> = groups.into_iter().collect();
        ordered.sort_by(|a, b| weight(&b.1).cmp(&weight(&a.1)).then(a.0.cmp(&b.0)));
        let (mut moves, mut called, mut claimed) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        self.gaps.clear();
        for (group, forms) in ordered {
            let mut shares: BTreeMap<&GapId, u64> = BTreeMap::new();
            forms.iter().for_each(|form| *shares.entry(&form.gap).or_default() += form.tally.queries);
            let mut wanted: Vec<(&GapId, u64)> = shares.into_iter().collect();
            // What somebody works on draws the others; else the one that most askings are under already. What is closed
            // keeps what it has, and draws nothing: those others are not answered.
            let rank = |id: &GapId| (!closed(id), worked_on(id));
            wanted.sort_by(|a, b| rank(b.0).cmp(&rank(a.0)).then(b.1.cmp(&a.1)).then(a.0.cmp(b.0)));
            let related = wanted.iter().map(|(id, _)| *id).find(|id| closed(id)).cloned();
            let free = wanted.iter().map(|(id, _)| *id).find(|id| !claimed.contains(*id));
            let gap = match free {
                Some(id) => id.clone(),
                None => fresh(space, &forms, |id| Ok(gaps.contains_key(id) || claimed.contains(id)))?,
            };
            claimed.insert(gap.clone());
            if let Some(name) = self.called(group) {
                called.insert(gap.clone(), Called { related: related.filter(|id| *id != gap), ..name });
            }
            moves.extend(forms.iter().filter(|f| f.gap != gap || f.group != Some(group.0)).map(|form| Move {
                form: form.id.clone(),
                to: gap.clone(),
                group: Some(group.0),
            }));
            self.gaps.insert(group, gap);
        }
        for form in alone {
            let to = if claimed.insert(form.gap.clone()) || worked_on(&form.gap) {
                form.gap.clone()
            } else {
                let own = fresh(space, &[form], |id| Ok(gaps.contains_key(id) || claimed.contains(id)))?;
                claimed.insert(own.clone());
                own
            };
            if form.gap != to || form.group.is_some() {
                moves.push(Move { form: form.id.clone(), to, group: None });
            }
        }
        Ok((moves, called))
    }
}

/// An id for a gap that is parted from others: that of its form most asked where it is free, else one made of it.
pub(super) fn fresh(space: &SpaceId, forms: &[&Form], is_taken: impl Fn(&GapId) -> Result<bool>) -> Result<GapId> {
    let most = forms.iter().max_by(|a, b| a.tally.queries.cmp(&b.tally.queries).then(b.id.cmp(&a.id)));
    let (own, text) = most.map_or((None, ""), |form| (Some(form.id.clone()), form.form.as_str()));
    let mut id = own.unwrap_or_else(|| GapId::of(space, text));
    for number in 2_u64.. {
        if !is_taken(&id)? {
            break;
        }
        id = GapId::of(space, &format!("{text}\n{number}"));
    }
    Ok(id)
}

fn resolution_name(space: &SpaceId) -> String {
    format!("gaps resolution {space}")
}
