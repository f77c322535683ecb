//! In which order was it said, and what did agents reply?
//!
//! Invariant: numbers go before times; where no turn of a conversation has a number of its own, times do.

use super::StoredTurn;
use crate::model::talk::Role;

/// The turns of a conversation in the order in which they were said.
pub fn in_course<'a>(turns: impl IntoIterator<Item = (u32, &'a StoredTurn)>) -> Vec<(u32, &'a StoredTurn)> {
    let mut turns: Vec<(u32, &StoredTurn)> = turns.into_iter().collect();
    let by_time = turns.iter().all(|(_, turn)| turn.placed);
    turns.sort_by_key(|(number, turn)| (by_time.then_some(turn.at), *number));
    turns
}

/// What agents said after a turn, until the customer goes on; what only greets was set aside when it came. The turns are
/// given as they are kept.
pub fn replies(turns: &[(u32, StoredTurn)], number: u32) -> Vec<(u32, &StoredTurn)> {
    let course = in_course(turns.iter().map(|(number, turn)| (*number, turn)));
    let later = course.into_iter().skip_while(|(known, _)| *known != number).skip(1);
    let until = later.take_while(|(_, said)| said.role != Role::Customer || said.set_aside.is_some());
    until.filter(|(_, said)| said.role == Role::Agent && said.set_aside.is_none()).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn turn(role: Role, second: i64, placed: bool) -> StoredTurn {
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        StoredTurn { role, text: "x".into(), at, set_aside: None, placed }
    }

    fn order(turns: &[(u32, StoredTurn)]) -> Vec<u32> {
        in_course(turns.iter().map(|(n, turn)| (*n, turn))).into_iter().map(|(n, _)| n).collect()
    }

    #[test]
    fn a_late_turn_without_a_number_stands_where_its_time_says() {
        let (asked, replied) = (turn(Role::Customer, 10, true), turn(Role::Agent, 20, true));
        let turns = vec![(1, asked.clone()), (2, turn(Role::Customer, 30, true)), (3, replied)];
        assert_eq!(order(&turns), [1, 3, 2]);
        assert_eq!(replies(&turns, 1).iter().map(|(n, _)| *n).collect::<Vec<_>>(), [3]);
        assert!(replies(&turns, 2).is_empty() && replies(&turns, 9).is_empty());
        let numbered = vec![(1, asked), (2, turn(Role::Customer, 5, false))];
        assert_eq!(order(&numbered), [1, 2], "a number of the caller's own goes before its time");
    }
}
