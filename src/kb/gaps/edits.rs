//! What editors say of gaps: that they are one, or that some of their questions ask for something else.
//!
//! Invariant: what an editor said is in the log of edits and in the gaps with one batch; no machine undoes it.

use jiff::Timestamp;
use serde_json::json;

use super::board::fresh;
use super::moves::Move;
use crate::error::{Error, Result};
use crate::id::GapId;
use crate::kb::{GapKeeper, Grant, Kb};
use crate::model::gap::{Form, GapView, GroupEdit};
use crate::store::{AuditDraft, Ticket};

/// Most gaps merged, or forms parted, at once.
pub const MAX_EDITED: usize = 100;

impl Kb {
    /// Makes one gap of several: their questions ask for one article. The first keeps its id, its state and its article; it
    /// takes over the article of another where it has none.
    ///
    /// # Errors
    /// [`Error::GapNotFound`]; [`Error::InvalidRequest`] where there is nothing to merge.
    pub fn merge_gaps(&self, keeper: &GapKeeper, into: &GapId, from: &[GapId], now: Timestamp) -> Result<GapView> {
        let grant = keeper.grant();
        let (store, space) = (&self.inner.store, &grant.space);
        if from.is_empty() || from.len() > MAX_EDITED {
            return Err(Error::field("gaps", format!("name 1 to {MAX_EDITED} gaps to merge into '{into}'")));
        }
        let lock = store.lock(space);
        let counting = self.inner.gaps.lock();
        let into = self.gap(grant, into)?;
        let mut forms = store.form_ids(space, &into.id)?;
        let (mut moves, mut merged) = (Vec::new(), Vec::new());
        let group = self.group_of(grant, &forms)?;
        for id in from {
            let gap = self.gap(grant, id)?;
            if gap.id == into.id {
                return Err(Error::field("gaps", format!("'{id}' is the gap itself")));
            }
            let own = store.form_ids(space, &gap.id)?;
            moves.extend(own.iter().map(|form| Move { form: form.clone(), to: into.id.clone(), group }));
            forms.extend(own);
            merged.push(gap.id);
        }
        let edit = GroupEdit::Merge { at: now, by: grant.actor.clone(), forms };
        let detail = json!({ "gaps": merged });
        let ticket = self.edit_groups(grant, &into.id, edit, &moves, ("gap.merge", detail), now)?;
        drop(counting);
        drop(lock);
        store.sync(ticket)?;
        self.replay_soon();
        self.get_gap(keeper, &into.id, now)
    }

    /// Takes forms out of a gap, as a gap of their own: they ask for another article than the rest.
    ///
    /// # Errors
    /// [`Error::GapNotFound`]; [`Error::InvalidRequest`] where a form is not in the gap, or none would be left.
    pub fn split_gap(&self, keeper: &GapKeeper, id: &GapId, out: &[GapId], now: Timestamp) -> Result<GapView> {
        let grant = keeper.grant();
        let (store, space) = (&self.inner.store, &grant.space);
        let lock = store.lock(space);
        let counting = self.inner.gaps.lock();
        let gap = self.gap(grant, id)?;
        let all: Vec<Form> = store.forms_of(space, &gap.id)?;
        if out.is_empty() || out.len() > MAX_EDITED {
            return Err(Error::field("wordings", format!("name 1 to {MAX_EDITED} wordings of the gap, by id")));
        }
        if let Some(stranger) = out.iter().find(|form| !all.iter().any(|known| known.id == **form)) {
            return Err(Error::field("wordings", format!("'{stranger}' is no wording of the gap '{}'", gap.id)));
        }
        let (out, rest): (Vec<&Form>, Vec<&Form>) = all.iter().partition(|form| out.contains(&form.id));
        if rest.is_empty() {
            return Err(Error::field("wordings", "one wording at least must be left in the gap"));
        }
        let new = fresh(space, &out, |id| Ok(store.get_gap(space, id)?.is_some()))?;
        let ids = |forms: &[&Form]| forms.iter().map(|form| form.id.clone()).collect::<Vec<_>>();
        let moves: Vec<Move> =
            out.iter().map(|form| Move { form: form.id.clone(), to: new.clone(), group: None }).collect();
        let edit = GroupEdit::Split { at: now, by: grant.actor.clone(), out: ids(&out), rest: ids(&rest) };
        let detail = json!({ "gap": new, "wordings": ids(&out) });
        let ticket = self.edit_groups(grant, &gap.id, edit, &moves, ("gap.split", detail), now)?;
        drop(counting);
        drop(lock);
        store.sync(ticket)?;
        self.replay_soon();
        self.get_gap(keeper, &new, now)
    }

    /// Writes an edit and what it moves, and tells the groups. The caller holds both locks.
    fn edit_groups(
        &self,
        grant: &Grant,
        subject: &GapId,
        edit: GroupEdit,
        moves: &[Move],
        (action, detail): (&str, serde_json::Value),
        now: Timestamp,
    ) -> Result<Ticket> {
        let (store, space) = (&self.inner.store, &grant.space);
        let audit = AuditDraft {
            at: now,
            actor: grant.actor.clone(),
            action: action.to_owned(),
            space: Some(space.clone()),
            subject: subject.to_string(),
            detail,
        };
        let mut batch = store.batch();
        batch.put_group_edit(space, store.next_group_edit(space)?, &edit);
        self.move_forms_by_hand(space, moves, &mut batch, audit, now)?;
        let ticket = store.commit(batch)?;
        self.inner.boards.edited(space, edit);
        Ok(ticket)
    }

    /// The group that some of these forms are in.
    fn group_of(&self, grant: &Grant, forms: &[GapId]) -> Result<Option<u64>> {
        for form in forms {
            if let Some(group) = self.inner.store.get_form(&grant.space, form)?.and_then(|form| form.group) {
                return Ok(Some(group));
            }
        }
        Ok(None)
    }
}
