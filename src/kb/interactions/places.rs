//! Which turns of a list are there already, and where do the others belong?
//!
//! Invariant: the same list again changes nothing, with numbers or without; what is refused is told.
//!
//! A turn with a number is the one of that number. Without numbers a turn is the one of the same role, time and text;
//! another text of that role at that time is refused, because nothing tells a correction from a second turn. Turns without
//! a time as well are laid along what is there, and are the same where both agree in most; else what the list begins with
//! is, as far as it agrees. All else comes behind what is there.

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
        let moments = self.moments(&turns);
        let mut found: Vec<(Turn, Place, Timestamp)> =
            turns.into_iter().zip(places).zip(moments).map(|((turn, place), at)| (turn, place, at)).collect();
        // Behind what is there they stand in the order of time; where there is none, in that of the list.
        found.sort_by_key(|(turn, _, at)| turn.placed.then_some(*at));
        for (turn, place, at) in found {
            let number = turn.turn.unwrap_or_default();
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

    /// When each turn was said. Where only some of a list without numbers say so, the others have the time of the one
    /// before them, at its head that of the first that has one: so they stay where the list has them.
    fn moments(&self, turns: &[Turn]) -> Vec<Timestamp> {
        let timed = |turn: &Turn| turn.at.filter(|at| self.is_fit(*at));
        let mut last = turns.iter().find_map(timed);
        let moment = |turn: &Turn| {
            last = timed(turn).or(last);
            turn.at.or(last.filter(|_| turn.placed)).unwrap_or(self.now)
        };
        turns.iter().map(moment).collect()
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
    for at in said_before(known, &free, turns) {
        places.get_mut(at).into_iter().for_each(|place| *place = Place::There);
    }
    for (place, turn) in places.iter_mut().zip(turns) {
        if *place == Place::New && gone(turn) {
            *place = Place::There;
        }
    }
    places
}

/// Which of the turns without a time were said before, by their place in the list.
fn said_before(known: &Known, free: &BTreeSet<u32>, turns: &[Turn]) -> Vec<usize> {
    let untimed: Vec<(usize, &Turn)> = (0..).zip(turns).filter(|(_, turn)| turn.at.is_none()).collect();
    if untimed.is_empty() {
        return Vec::new();
    }
    let course = in_course(known.turns.iter().map(|(number, turn)| (*number, turn)));
    // What is said alike has one number, so that texts are looked at once.
    let mut alike: HashMap<(Role, &str), usize> = HashMap::new();
    let mut name = |role: Role, text| {
        let next = alike.len();
        *alike.entry((role, text)).or_insert(next)
    };
    let there = course.into_iter().filter(|(number, _)| free.contains(number));
    let there: Vec<usize> = there.map(|(_, turn)| name(turn.role, turn.text.as_str())).collect();
    let given: Vec<usize> = untimed.iter().map(|(_, turn)| name(turn.role, turn.text.as_str())).collect();
    aligned(&given, &there).into_iter().filter_map(|at| untimed.get(at).map(|(place, _)| *place)).collect()
}

/// Which members of a list, ascending, are those of another in their order: as many as can be, where those are most of
/// the shorter list; else, as single things are said again, only what the list begins with.
fn aligned(given: &[usize], there: &[usize]) -> Vec<usize> {
    let agree = |from: usize| there.iter().skip(from).zip(given).take_while(|(a, b)| a == b).count();
    let begin = (0..there.len()).map(agree).max().unwrap_or_default();
    if begin == given.len() {
        return (0..begin).collect();
    }
    let common = common(given, there);
    if common.len() * 2 > given.len().min(there.len()) { common } else { (0..begin).collect() }
}

/// The places in a list of its longest common subsequence with another; what both begin and end with is matched first.
fn common(given: &[usize], there: &[usize]) -> Vec<usize> {
    let begin = given.iter().zip(there).take_while(|(a, b)| a == b).count();
    let (left, right) = (given.get(begin..).unwrap_or_default(), there.get(begin..).unwrap_or_default());
    let end = left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count();
    let left = left.get(..left.len() - end).unwrap_or_default();
    let right = right.get(..right.len() - end).unwrap_or_default();
    // For each place the longest of what follows; both lists are as long as a session at most.
    let mut longest: Vec<Vec<u16>> = vec![vec![0; right.len() + 1]];
    for a in left.iter().rev() {
        let mut row = vec![0_u16];
        let (mut beside, mut last) = (0, 0);
        for (b, below) in right.iter().rev().zip(longest.last().into_iter().flatten().skip(1)) {
            last = if a == b { beside + 1 } else { last.max(*below) };
            row.push(last);
            beside = *below;
        }
        longest.push(row);
    }
    let after = |i: usize, j: usize| {
        let row = longest.get(left.len().saturating_sub(i));
        row.and_then(|row| row.get(right.len().saturating_sub(j))).copied().unwrap_or_default()
    };
    let mut places: Vec<usize> = (0..begin).collect();
    let (mut i, mut j) = (0, 0);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        if a == b {
            places.push(begin + i);
            (i, j) = (i + 1, j + 1);
        } else if after(i + 1, j) >= after(i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    places.extend(given.len() - end..given.len());
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_align_where_most_of_the_shorter_agrees() {
        let there = [1, 2, 3, 4];
        assert_eq!(aligned(&[1, 2, 3, 4, 5], &there), [0, 1, 2, 3], "the whole and more");
        assert_eq!(aligned(&[3, 4, 5], &there), [0, 1], "the last and more");
        assert_eq!(aligned(&[9, 2, 3, 4], &there), [1, 2, 3], "another beginning");
        assert_eq!(aligned(&[8, 9, 1, 2, 3, 4], &there), [2, 3, 4, 5], "what was before");
        assert_eq!(aligned(&[1, 9, 3, 8, 4, 7], &there), [0, 2, 4], "others between");
        assert_eq!(aligned(&[1, 3, 9, 4], &there), [0, 1, 3], "one is missing");
        assert_eq!(aligned(&[9, 3], &there), [0; 0], "new, and something said again");
        assert_eq!(aligned(&[4, 9, 1], &there), [0], "goes on, and something said again");
        assert!(aligned(&[], &there).is_empty() && aligned(&[1], &[]).is_empty());
    }

    #[test]
    fn what_is_common_is_as_long_as_can_be() {
        let mut seed = 1_u32;
        let mut next = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as usize % below as usize
        };
        for _ in 0..300 {
            let given: Vec<usize> = (0..next(8)).map(|_| next(4)).collect();
            let there: Vec<usize> = (0..next(8)).map(|_| next(4)).collect();
            let places = common(&given, &there);
            assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
            let is_part = |part: &[usize]| {
                let mut there = there.iter();
                part.iter().all(|member| there.any(|other| other == member))
            };
            let part: Vec<usize> = places.iter().filter_map(|at| given.get(*at)).copied().collect();
            assert!(is_part(&part) && part.len() == places.len(), "{given:?} {there:?} {places:?}");
            for chosen in 0..1_u32 << given.len() {
                let bits = (0..).zip(&given).filter(|(bit, _)| chosen >> bit & 1 == 1);
                let other: Vec<usize> = bits.map(|(_, member)| *member).collect();
                assert!(other.len() <= part.len() || !is_part(&other), "{given:?} {there:?} {places:?}");
            }
        }
    }
}
