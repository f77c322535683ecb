//! What is stored of what was not answered: gaps, their forms and days, and what editors said of groups?
//!
//! Invariant: a form stands under exactly one gap, and is written with its place there in one batch.

use jiff::civil::Date;
use serde::Deserialize;

use super::interactions::date;
use super::keys::{KeyBuilder, Part, Table, parts};
use super::rows::Scan;
use super::{Batch, Store, id_of};
use crate::error::{Error, Result};
use crate::id::{GapId, SpaceId};
use crate::model::gap::{Form, Gap, GapDay, GapHead, GroupEdit};

fn of_gap(table: Table, space: &SpaceId, gap: &GapId) -> KeyBuilder {
    table.key().id(space.as_str()).id(gap.as_str())
}

impl Store {
    /// A gap by its id.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn get_gap(&self, space: &SpaceId, id: &GapId) -> Result<Option<Gap>> {
        self.read(Table::Gap, &of_gap(Table::Gap, space, id).bytes())
    }

    /// The clearest question of a gap.
    ///
    /// # Errors
    /// `Store`.
    pub fn gap_label(&self, space: &SpaceId, id: &GapId) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Labelled {
            label: String,
        }
        let row: Option<Labelled> = self.read(Table::Gap, &of_gap(Table::Gap, space, id).bytes())?;
        Ok(row.map(|gap| gap.label))
    }

    /// The gaps of a space, ascending by id, each read from its row; [`Store::gap_heads`] reads none.
    pub fn gaps(&self, space: &SpaceId) -> impl Iterator<Item = Result<Gap>> + Send + use<> {
        let prefix = Table::Gap.key().id(space.as_str());
        self.scan(Table::Gap, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, gap)| gap))
    }

    /// A form by its id.
    ///
    /// # Errors
    /// `Store`.
    pub fn get_form(&self, space: &SpaceId, id: &GapId) -> Result<Option<Form>> {
        self.read(Table::Form, &of_gap(Table::Form, space, id).bytes())
    }

    /// The forms of a space, ascending by id.
    pub fn forms(&self, space: &SpaceId) -> impl Iterator<Item = Result<Form>> + Send + use<> {
        let prefix = Table::Form.key().id(space.as_str());
        self.scan(Table::Form, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, form)| form))
    }

    /// The ids of a gap's forms, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn form_ids(&self, space: &SpaceId, gap: &GapId) -> Result<Vec<GapId>> {
        self.places(space, gap).map(|row| row.and_then(|(key, _)| last_id(&key))).collect()
    }

    /// The ids of a gap's forms, the most asked first.
    ///
    /// # Errors
    /// `Store`.
    pub fn forms_by_asking(&self, space: &SpaceId, gap: &GapId) -> Result<Vec<GapId>> {
        let mut forms = Vec::new();
        for row in self.places(space, gap) {
            let (key, asked) = row?;
            let id = last_id(&key)?;
            let asked = match asked {
                Some(asked) => asked,
                // The first programs wrote no number here.
                None => self.get_form(space, &id)?.map_or(0, |form| form.tally.queries),
            };
            forms.push((id, asked));
        }
        forms.sort_by(|(one, a), (other, b)| b.cmp(a).then(one.cmp(other)));
        Ok(forms.into_iter().map(|(id, _)| id).collect())
    }

    fn places(&self, space: &SpaceId, gap: &GapId) -> Scan<Option<u64>> {
        let prefix = of_gap(Table::GapForm, space, gap);
        self.scan(Table::GapForm, prefix.clone().bytes(), prefix.end())
    }

    /// The forms of a gap, ascending by id.
    ///
    /// # Errors
    /// `Store`.
    pub fn forms_of(&self, space: &SpaceId, gap: &GapId) -> Result<Vec<Form>> {
        let ids = self.form_ids(space, gap)?;
        ids.iter().filter_map(|id| self.get_form(space, id).transpose()).collect()
    }

    /// What was counted of a gap on a day.
    ///
    /// # Errors
    /// `Store`.
    pub fn gap_day(&self, space: &SpaceId, gap: &GapId, day: Date) -> Result<Option<GapDay>> {
        self.read(Table::GapDay, &of_gap(Table::GapDay, space, gap).id(&day.to_string()).bytes())
    }

    /// The latest days on which a gap was asked for, at most so many, the latest first.
    ///
    /// # Errors
    /// `Store`.
    pub fn gap_days(&self, space: &SpaceId, gap: &GapId, most: usize) -> Result<Vec<(Date, GapDay)>> {
        let prefix = of_gap(Table::GapDay, space, gap);
        let rows = self.scan(Table::GapDay, prefix.clone().bytes(), prefix.end()).rev().take(most);
        rows.map(|row| row.and_then(|(key, counts)| Ok((date(&key)?, counts)))).collect()
    }

    /// What editors said of the groups of a space, in their order.
    ///
    /// # Errors
    /// `Store`.
    pub fn group_edits(&self, space: &SpaceId) -> Result<Vec<GroupEdit>> {
        let prefix = Table::GroupEdit.key().id(space.as_str());
        self.scan(Table::GroupEdit, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, edit)| edit)).collect()
    }

    /// The number of the next edit; the caller holds the space's lock.
    ///
    /// # Errors
    /// `Store`.
    pub fn next_group_edit(&self, space: &SpaceId) -> Result<u64> {
        let prefix = Table::GroupEdit.key().id(space.as_str());
        let last = self.scan::<GroupEdit>(Table::GroupEdit, prefix.clone().bytes(), prefix.end()).next_back();
        let Some((key, _)) = last.transpose()? else { return Ok(0) };
        match parts(&key)?.last() {
            Some(Part::Number(number)) => Ok(number + 1),
            _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
        }
    }
}

impl Batch {
    /// Writes a gap.
    pub fn put_gap(&mut self, gap: &Gap) {
        self.put(Table::Gap, of_gap(Table::Gap, &gap.space, &gap.id).bytes(), gap);
        self.change_head(&gap.space, &gap.id, Some(GapHead::of(gap)));
    }

    /// Removes a gap that has no form left.
    pub fn remove_gap(&mut self, space: &SpaceId, gap: &GapId) {
        self.remove(of_gap(Table::Gap, space, gap).bytes());
        self.change_head(space, gap, None);
    }

    /// Writes a form, and its place under its gap.
    pub fn put_form(&mut self, form: &Form) {
        self.put(Table::Form, of_gap(Table::Form, &form.space, &form.id).bytes(), form);
        self.put(
            Table::GapForm,
            of_gap(Table::GapForm, &form.space, &form.gap).id(form.id.as_str()).bytes(),
            &form.tally.queries,
        );
    }

    /// Removes a form, and its place under its gap.
    pub fn remove_form(&mut self, form: &Form) {
        self.remove(of_gap(Table::Form, &form.space, &form.id).bytes());
        self.take_form(&form.space, &form.gap, &form.id);
    }

    /// Takes a form from its place under a gap that it leaves.
    pub fn take_form(&mut self, space: &SpaceId, gap: &GapId, form: &GapId) {
        self.remove(of_gap(Table::GapForm, space, gap).id(form.as_str()).bytes());
    }

    /// Writes what was counted of a gap on a day.
    pub fn put_gap_day(&mut self, space: &SpaceId, gap: &GapId, day: Date, counts: &GapDay) {
        self.put(Table::GapDay, of_gap(Table::GapDay, space, gap).id(&day.to_string()).bytes(), counts);
    }

    /// Removes it.
    pub fn remove_gap_day(&mut self, space: &SpaceId, gap: &GapId, day: Date) {
        self.remove(of_gap(Table::GapDay, space, gap).id(&day.to_string()).bytes());
    }

    /// Adds what an editor says of groups; the caller numbers them, under the space's lock.
    pub fn put_group_edit(&mut self, space: &SpaceId, sequence: u64, edit: &GroupEdit) {
        self.put(Table::GroupEdit, Table::GroupEdit.key().id(space.as_str()).u64(sequence).bytes(), edit);
    }
}

/// The id at the end of a key.
fn last_id(key: &[u8]) -> Result<GapId> {
    match parts(key)?.last() {
        Some(Part::Id(id)) => id_of(id),
        _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
    }
}
