//! What is stored of conversations: sessions, turns, questions that wait, and what is counted by day?
//!
//! Invariant: a session is named by the hash that the caller gives; nothing here knows whose it is.

use jiff::civil::Date;

use super::keys::{KeyBuilder, Part, Table, parts};
use super::{Batch, Store};
use crate::error::{Error, Result};
use crate::id::SpaceId;
use crate::model::interaction::{DayCounts, Pending, Session, StoredTurn};

fn of_session(table: Table, space: &SpaceId, session: &str) -> KeyBuilder {
    table.key().id(space.as_str()).id(session)
}

fn of_day(space: &SpaceId, day: Date) -> Vec<u8> {
    Table::Day.key().id(space.as_str()).id(&day.to_string()).bytes()
}

impl Store {
    /// A session by its hash.
    ///
    /// # Errors
    /// `Store` when it cannot be read; so for every read below.
    pub fn session(&self, space: &SpaceId, session: &str) -> Result<Option<Session>> {
        self.read(Table::Session, &of_session(Table::Session, space, session).bytes())
    }

    /// The turns of a session, ascending by number.
    ///
    /// # Errors
    /// `Store`.
    pub fn turns(&self, space: &SpaceId, session: &str) -> Result<Vec<(u32, StoredTurn)>> {
        let prefix = of_session(Table::Turn, space, session);
        let rows = self.scan(Table::Turn, prefix.clone().bytes(), prefix.end());
        rows.map(|row| row.and_then(|(key, turn)| Ok((place(&key)?.1, turn)))).collect()
    }

    /// The questions of a turn that wait to be searched.
    ///
    /// # Errors
    /// `Store`.
    pub fn pending(&self, space: &SpaceId, session: &str, turn: u32) -> Result<Option<Pending>> {
        self.read(Table::Pending, &of_session(Table::Pending, space, session).u32(turn).bytes())
    }

    /// Turns of a space whose questions wait, at most so many, behind the one that is named.
    ///
    /// # Errors
    /// `Store`.
    pub fn pending_after(
        &self,
        space: &SpaceId,
        after: Option<&(String, u32)>,
        most: usize,
    ) -> Result<Vec<((String, u32), Pending)>> {
        let prefix = Table::Pending.key().id(space.as_str());
        let from = match after {
            Some((session, turn)) => of_session(Table::Pending, space, session).u32(*turn).raw(&[0]).bytes(),
            None => prefix.clone().bytes(),
        };
        let rows = self.scan(Table::Pending, from, prefix.end()).take(most);
        rows.map(|row| row.and_then(|(key, pending)| Ok((place(&key)?, pending)))).collect()
    }

    /// What was counted on a day.
    ///
    /// # Errors
    /// `Store`.
    pub fn day(&self, space: &SpaceId, day: Date) -> Result<Option<DayCounts>> {
        self.read(Table::Day, &of_day(space, day))
    }

    /// What was counted on the days from one to another, both included, ascending.
    ///
    /// # Errors
    /// `Store`.
    pub fn days(&self, space: &SpaceId, from: Date, to: Date) -> Result<Vec<(Date, DayCounts)>> {
        let until = Table::Day.key().id(space.as_str()).id(&to.to_string()).end();
        self.scan(Table::Day, of_day(space, from), until)
            .map(|row| row.and_then(|(key, counts)| Ok((date(&key)?, counts))))
            .collect()
    }
}

impl Batch {
    /// Writes a session.
    pub fn put_session(&mut self, space: &SpaceId, session: &str, value: &Session) {
        self.put(Table::Session, of_session(Table::Session, space, session).bytes(), value);
    }

    /// Writes a turn.
    pub fn put_turn(&mut self, space: &SpaceId, session: &str, turn: u32, value: &StoredTurn) {
        self.put(Table::Turn, of_session(Table::Turn, space, session).u32(turn).bytes(), value);
    }

    /// Marks the questions of a turn as to be searched.
    pub fn put_pending(&mut self, space: &SpaceId, session: &str, turn: u32, value: &Pending) {
        self.put(Table::Pending, of_session(Table::Pending, space, session).u32(turn).bytes(), value);
    }

    /// Takes that mark away.
    pub fn remove_pending(&mut self, space: &SpaceId, session: &str, turn: u32) {
        self.remove(of_session(Table::Pending, space, session).u32(turn).bytes());
    }

    /// Writes what was counted on a day.
    pub fn put_day(&mut self, space: &SpaceId, day: Date, counts: &DayCounts) {
        self.put(Table::Day, of_day(space, day), counts);
    }
}

/// The session and the turn of a key.
fn place(key: &[u8]) -> Result<(String, u32)> {
    match parts(key)?.as_slice() {
        [Part::Id(_), Part::Id(session), Part::Number(turn)] => Ok((session.clone(), *turn as u32)),
        _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
    }
}

/// The day at the end of a key.
pub(super) fn date(key: &[u8]) -> Result<Date> {
    match parts(key)?.last() {
        Some(Part::Id(day)) => day.parse().map_err(|e| Error::Store(format!("a key holds the day '{day}': {e}"))),
        _ => Err(Error::Store(format!("a key is damaged: {}", key.escape_ascii()))),
    }
}
