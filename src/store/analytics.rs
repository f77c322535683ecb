//! What is stored of figures: questions by form and day, words, articles by day, and what sessions asked lately?
//!
//! Invariant: each row is counted up in the batch that writes what it counts; none is ever made of a scan.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::interactions::date;
use super::keys::{Part, Table, parts};
use super::{Batch, Store, id_of};
use crate::error::{Error, Result};
use crate::id::{ArticleId, SpaceId};
use crate::model::analytics::{ArticleDay, Asked, DayWords, FormCount, FormText, TopForms};
use crate::model::task::Task;

fn by_day(table: Table, space: &SpaceId, day: Date) -> Vec<u8> {
    table.key().id(space.as_str()).id(&day.to_string()).bytes()
}

fn of_form(space: &SpaceId, form: &str, day: Date) -> Vec<u8> {
    Table::FormDay.key().id(space.as_str()).id(form).id(&day.to_string()).bytes()
}

fn of_article(space: &SpaceId, day: Date, article: &ArticleId) -> Vec<u8> {
    Table::ArticleDay.key().id(space.as_str()).id(&day.to_string()).id(article.as_str()).bytes()
}

fn of_session(space: &SpaceId, day: Date, session: &str) -> Vec<u8> {
    Table::Lately.key().id(space.as_str()).id(&day.to_string()).id(session).bytes()
}

fn of_words(space: &SpaceId, day: Date, part: u8) -> Vec<u8> {
    Table::Words.key().id(space.as_str()).id(&day.to_string()).u32(part.into()).bytes()
}

fn of_task(space: &SpaceId, article: &ArticleId) -> Vec<u8> {
    Table::Task.key().id(space.as_str()).id(article.as_str()).bytes()
}

impl Store {
    /// How often a form was asked on a day.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn form_day(&self, space: &SpaceId, form: &str, day: Date) -> Result<Option<FormCount>> {
        self.read(Table::FormDay, &of_form(space, form, day))
    }

    /// How often a form was asked on the days from one to another, both included, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn form_days(&self, space: &SpaceId, form: &str, from: Date, to: Date) -> Result<Vec<(Date, FormCount)>> {
        let until = Table::FormDay.key().id(space.as_str()).id(form).id(&to.to_string()).end();
        let rows = self.scan(Table::FormDay, of_form(space, form, from), until);
        rows.map(|row| row.and_then(|(key, counts)| Ok((date(&key)?, counts)))).collect()
    }

    /// What is known of a form.
    ///
    /// # Errors
    /// `Store`.
    pub fn question(&self, space: &SpaceId, form: &str) -> Result<Option<FormText>> {
        self.read(Table::Question, &Table::Question.key().id(space.as_str()).id(form).bytes())
    }

    /// The most asked forms of a day.
    ///
    /// # Errors
    /// `Store`.
    pub fn top_forms(&self, space: &SpaceId, day: Date) -> Result<Option<TopForms>> {
        self.read(Table::TopForms, &by_day(Table::TopForms, space, day))
    }

    /// The most asked forms of each day from one to another, both included, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn top_forms_between(&self, space: &SpaceId, from: Date, to: Date) -> Result<Vec<(Date, TopForms)>> {
        let until = Table::TopForms.key().id(space.as_str()).id(&to.to_string()).end();
        let rows = self.scan(Table::TopForms, by_day(Table::TopForms, space, from), until);
        rows.map(|row| row.and_then(|(key, top)| Ok((date(&key)?, top)))).collect()
    }

    /// A part of the words of a day.
    ///
    /// # Errors
    /// `Store`.
    pub fn words(&self, space: &SpaceId, day: Date, part: u8) -> Result<Option<DayWords>> {
        self.read(Table::Words, &of_words(space, day, part))
    }

    /// The words, in parts, of each day from one to another, both included, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn words_between(&self, space: &SpaceId, from: Date, to: Date) -> Result<Vec<DayWords>> {
        let until = Table::Words.key().id(space.as_str()).id(&to.to_string()).end();
        self.scan(Table::Words, by_day(Table::Words, space, from), until)
            .map(|row| row.map(|(_, words)| words))
            .collect()
    }

    /// How an article did on a day.
    ///
    /// # Errors
    /// `Store`.
    pub fn article_day(&self, space: &SpaceId, day: Date, article: &ArticleId) -> Result<Option<ArticleDay>> {
        self.read(Table::ArticleDay, &of_article(space, day, article))
    }

    /// How articles did from one day to another, both included.
    ///
    /// # Errors
    /// `Store`.
    pub fn article_sums(&self, space: &SpaceId, from: Date, to: Date) -> Result<BTreeMap<ArticleId, ArticleDay>> {
        let until = Table::ArticleDay.key().id(space.as_str()).id(&to.to_string()).end();
        let mut sums: BTreeMap<ArticleId, ArticleDay> = BTreeMap::new();
        for row in self.scan::<ArticleDay>(Table::ArticleDay, by_day(Table::ArticleDay, space, from), until) {
            let (key, counts) = row?;
            match parts(&key)?.last() {
                Some(Part::Id(article)) => sums.entry(id_of(article)?).or_default().add(&counts),
                _ => return Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
            }
        }
        Ok(sums)
    }

    /// What a session asked on a day.
    ///
    /// # Errors
    /// `Store`.
    pub fn lately(&self, space: &SpaceId, day: Date, session: &str) -> Result<Option<Vec<Asked>>> {
        self.read(Table::Lately, &of_session(space, day, session))
    }

    /// Names of the forms of questions whose text is kept, behind one of them, at most so many.
    ///
    /// # Errors
    /// `Store`.
    pub fn question_names(&self, space: &SpaceId, after: Option<&str>, most: usize) -> Result<Vec<String>> {
        let prefix = Table::Question.key().id(space.as_str());
        let from = match after {
            Some(after) => prefix.clone().id(after).end(),
            None => prefix.clone().bytes(),
        };
        let rows = self.scan::<FormText>(Table::Question, from, prefix.end()).take(most);
        rows.map(|row| {
            let (key, _) = row?;
            match parts(&key)?.last() {
                Some(Part::Id(form)) => Ok(form.clone()),
                _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
            }
        })
        .collect()
    }

    /// Forgets what sessions asked before a day, at most so many sessions; gives how many there were. Needs no sync.
    ///
    /// # Errors
    /// `Store`.
    pub fn forget_lately(&self, space: &SpaceId, before: Date, most: usize) -> Result<usize> {
        let from = Table::Lately.key().id(space.as_str()).bytes();
        let rows = self.scan::<Vec<Asked>>(Table::Lately, from, by_day(Table::Lately, space, before)).take(most);
        let mut batch = self.batch();
        for row in rows {
            batch.remove(row?.0.to_vec());
        }
        let removed = batch.rows.len();
        if removed > 0 {
            self.commit(batch)?;
        }
        Ok(removed)
    }
}

impl Store {
    /// The review task of an article.
    ///
    /// # Errors
    /// `Store`.
    pub fn task(&self, space: &SpaceId, article: &ArticleId) -> Result<Option<Task>> {
        self.read(Table::Task, &of_task(space, article))
    }

    /// The review tasks of a space, by article.
    ///
    /// # Errors
    /// `Store`.
    pub fn tasks(&self, space: &SpaceId) -> Result<Vec<Task>> {
        let prefix = Table::Task.key().id(space.as_str());
        self.scan(Table::Task, prefix.clone().bytes(), prefix.end()).map(|row| row.map(|(_, task)| task)).collect()
    }
}

impl Batch {
    /// Writes the review task of an article.
    pub fn put_task(&mut self, space: &SpaceId, task: &Task) {
        self.put(Table::Task, of_task(space, &task.article), task);
    }

    /// Takes the review task of an article away.
    pub fn remove_task(&mut self, space: &SpaceId, article: &ArticleId) {
        self.remove(of_task(space, article));
    }

    /// Writes how often a form was asked on a day.
    pub fn put_form_day(&mut self, space: &SpaceId, form: &str, day: Date, count: &FormCount) {
        self.put(Table::FormDay, of_form(space, form, day), count);
    }

    /// Writes what is known of a form.
    pub fn put_question(&mut self, space: &SpaceId, form: &str, text: &FormText) {
        self.put(Table::Question, Table::Question.key().id(space.as_str()).id(form).bytes(), text);
    }

    /// Takes the text of a form away; what is counted of it stays.
    pub fn remove_question(&mut self, space: &SpaceId, form: &str) {
        self.remove(Table::Question.key().id(space.as_str()).id(form).bytes());
    }

    /// Takes away what a session asked on a day.
    pub fn remove_lately(&mut self, space: &SpaceId, day: Date, session: &str) {
        self.remove(of_session(space, day, session));
    }

    /// Writes the most asked forms of a day.
    pub fn put_top_forms(&mut self, space: &SpaceId, day: Date, top: &TopForms) {
        self.put(Table::TopForms, by_day(Table::TopForms, space, day), top);
    }

    /// Writes a part of the words of a day.
    pub fn put_words(&mut self, space: &SpaceId, day: Date, part: u8, words: &DayWords) {
        self.put(Table::Words, of_words(space, day, part), words);
    }

    /// Writes how an article did on a day.
    pub fn put_article_day(&mut self, space: &SpaceId, day: Date, article: &ArticleId, counts: &ArticleDay) {
        self.put(Table::ArticleDay, of_article(space, day, article), counts);
    }

    /// Writes what a session asked on a day.
    pub fn put_lately(&mut self, space: &SpaceId, day: Date, session: &str, asked: &[Asked]) {
        self.put(Table::Lately, of_session(space, day, session), asked);
    }
}
