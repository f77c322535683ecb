//! Which turns of a list are there already, and where do the others belong?
//!
//! Invariant: the same list again changes nothing, with numbers or without; what is refused is told.
//!
//! A turn with a number is the one of that number. Without numbers a turn is the one of the same role, time and text;
//! another text of that role at that time is refused, because nothing tells a correction from a second turn. Without
//! times as well, what the list begins with is looked for among what is there, and is the same as far as it agrees. All
//! else comes behind what is there.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::{Intake, Known};
use crate::model::interaction::{MAX_TURNS, StoredTurn, Turn, in_course};
use crate::model::talk::Role;

/// What a turn of a list is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// There already, or it was until its time was over.
    There,
    /// There with another text, under this number.
    Other(u32),
    /// Not there.
    New,
}

impl Intake<'_> {
    /// Puts what is new beside what is known; gives the numbers of what is.
    pub(super) fn keep(&mut self, known: &mut Known, line: u64, turns: Vec<Turn>) -> HashSet<u32> {
        let places = places(known, &turns);
        let mut new = HashSet::new();
        let mut found: Vec<(Turn, Place)> = turns.into_iter().zip(places).collect();
        // Behind what is there they stand in the order of time; where there is none, in that of the list.
        found.sort_by_key(|(turn, _)| turn.placed.then_some(turn.at.unwrap_or(self.now)));
        for (turn, place) in found {
            let number = turn.turn.unwrap_or_default();
            let at = turn.at.unwrap_or(self.now);
            let (own, place) = match turn.placed {
                true => (behind(known), place),
                false => (Some(number), numbered(known, &turn)),
            };
            let refusal = match (place, own) {
                (Place::There, _) => {
                    self.report.turns.unchanged += 1;
                    continue;
                }
                (Place::Other(there), _) if turn.placed => format!(
                    "turn {there} of this session is already there with another text, role and time being the same; \
                     number the turns (`turn`) where several fall into one moment"
                ),
                (Place::Other(there), _) => {
                    format!("turn {there} of this session is already there with another text or role")
                }
                (Place::New, _) if !self.is_fit(at) => format!("at: {at} lies before 1970 or more than a day ahead"),
                (Place::New, _) if known.turns.len() >= MAX_TURNS => format!("a session has at most {MAX_TURNS} turns"),
                (Place::New, None) => "no number is left behind the turns of this session".to_owned(),
                (Place::New, Some(own)) => {
                    let (text, placed) = (String::from(turn.text), turn.placed);
                    known.turns.insert(own, StoredTurn { role: turn.role, text, at, set_aside: None, placed });
                    known.written.insert(own);
                    new.insert(own);
                    continue;
                }
            };
            self.report.refuse(line, Some(number), refusal, 1);
        }
        new
    }
}

/// The number behind all that are there or were.
fn behind(known: &Known) -> Option<u32> {
    let last = known.turns.last_key_value().map(|(number, _)| *number);
    last.max(known.session.emptied).map_or(Some(1), |last| last.checked_add(1))
}

/// What a turn with a number is.
fn numbered(known: &Known, turn: &Turn) -> Place {
    let number = turn.turn.unwrap_or_default();
    // Its text is kept no longer: what was counted of it stands.
    if known.session.emptied.is_some_and(|last| number <= last) {
        return Place::There;
    }
    match known.turns.get(&number) {
        Some(there) if there.role == turn.role && there.text == turn.text.as_str() => Place::There,
        Some(_) => Place::Other(number),
        None => Place::New,
    }
}

/// What turns without numbers are, in the order of the list.
fn places(known: &Known, turns: &[Turn]) -> Vec<Place> {
    if known.turns.is_empty() && known.session.emptied.is_none() {
        return vec![Place::New; turns.len()];
    }
    // Texts that are kept no longer: what was counted of them stands.
    let gone = |turn: &Turn| match (turn.at, known.session.emptied_at) {
        (Some(at), Some(emptied)) => at <= emptied,
        _ => known.session.emptied.is_some_and(|last| turn.turn.is_some_and(|place| place <= last)),
    };
    let mut places = vec![Place::New; turns.len()];
    let mut free: BTreeSet<u32> = known.turns.keys().copied().collect();
    let mut moments: HashMap<(Timestamp, Role), Vec<u32>> = HashMap::new();
    for (number, turn) in &known.turns {
        moments.entry((turn.at, turn.role)).or_default().push(*number);
    }
    let timed = |turn: &Turn| turn.at.map(|at| (at, turn.role));
    // First those that agree in all, then those of which only the text is another.
    for same in [true, false] {
        for (place, turn) in places.iter_mut().zip(turns).filter(|(place, _)| **place == Place::New) {
            let Some(there) = timed(turn).and_then(|moment| moments.get(&moment)) else { continue };
            let is_it = |number: &&u32| {
                let text = known.turns.get(number).map(|there| there.text.as_str());
                free.contains(number) && (!same || text == Some(turn.text.as_str()))
            };
            if let Some(number) = there.iter().find(is_it).copied() {
                free.remove(&number);
                *place = if same { Place::There } else { Place::Other(number) };
            }
        }
    }
    let untimed: Vec<usize> = (0..).zip(turns).filter(|(_, turn)| turn.at.is_none()).map(|(at, _)| at).collect();
    for at in untimed.iter().take(said_before(known, &free, turns)) {
        places.get_mut(*at).into_iter().for_each(|place| *place = Place::There);
    }
    for (place, turn) in places.iter_mut().zip(turns) {
        if *place == Place::New && gone(turn) {
            *place = Place::There;
        }
    }
    places
}

/// How many of the turns without a time the list begins with that were said before, one behind the other.
fn said_before(known: &Known, free: &BTreeSet<u32>, turns: &[Turn]) -> usize {
    let given: Vec<_> = turns.iter().filter(|t| t.at.is_none()).map(|t| (t.role, t.text.as_str())).collect();
    if given.is_empty() {
        return 0;
    }
    let course = in_course(known.turns.iter().map(|(number, turn)| (*number, turn)));
    let there: Vec<_> = course.into_iter().filter(|(number, _)| free.contains(number)).collect();
    let there: Vec<_> = there.into_iter().map(|(_, turn)| (turn.role, turn.text.as_str())).collect();
    let agree = |from: usize| there.iter().skip(from).zip(&given).take_while(|(a, b)| a == b).count();
    (0..there.len()).map(agree).max().unwrap_or_default()
}
