//! Conversations out of a body, one by one as they come.
//!
//! Invariant: never more than one line is in memory, and a wrong turn costs only itself.

use std::io::{self, BufRead};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Conversation, MAX_LINE, MAX_TURNS, Turn};
use crate::model::exchange::Lines;

/// A conversation as it was read, or why it was not.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadConversation {
    /// Line of the body, or place in the list, from 1.
    pub line: u64,
    /// The conversation with every turn numbered; why it is refused, and how many turns with it.
    pub conversation: Result<Conversation, (String, u64)>,
    /// Turns of it that are refused.
    pub faults: Vec<TurnFault>,
}

/// A turn that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnFault {
    /// Its number.
    pub turn: u32,
    /// Why.
    pub reason: String,
}

impl ReadConversation {
    fn refused(line: u64, reason: impl Into<String>, turns: usize) -> Self {
        Self { line, conversation: Err((reason.into(), turns.max(1) as u64)), faults: Vec::new() }
    }
}

/// The lines of a body, each a conversation; blank ones are skipped. Ends after the first I/O error.
pub struct Conversations<'a> {
    lines: Lines<'a>,
    row: Vec<u8>,
    ended: bool,
}

impl<'a> Conversations<'a> {
    /// Reads this body.
    pub fn new(body: &'a mut dyn BufRead) -> Self {
        Self { lines: Lines::new(body), row: Vec::new(), ended: false }
    }

    fn read(&mut self) -> io::Result<Option<ReadConversation>> {
        loop {
            self.row.clear();
            let Some(whole) = self.lines.next(&mut self.row, MAX_LINE, &mut |_| {})? else { return Ok(None) };
            let line = self.lines.number;
            if !whole {
                return Ok(Some(ReadConversation::refused(line, format!("is longer than {MAX_LINE} bytes"), 1)));
            }
            if !self.row.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(read_line(line, &self.row)));
            }
        }
    }
}

impl Iterator for Conversations<'_> {
    type Item = io::Result<ReadConversation>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read();
        self.ended = !matches!(read, Ok(Some(_)));
        read.transpose()
    }
}

fn read_line(line: u64, bytes: &[u8]) -> ReadConversation {
    if let Ok(conversation) = serde_json::from_slice::<Conversation>(bytes)
        && conversation.turns.len() <= MAX_TURNS
    {
        return numbered(line, conversation);
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => read_conversation(line, value),
        Err(why) => ReadConversation::refused(line, format!("is not JSON: {why}"), 1),
    }
}

fn numbered(line: u64, mut conversation: Conversation) -> ReadConversation {
    let placed = conversation.turns.iter().all(|turn| turn.turn.is_none());
    for (turn, place) in conversation.turns.iter_mut().zip(1..) {
        turn.turn.get_or_insert(place);
        turn.placed = placed;
    }
    ReadConversation { line, conversation: Ok(conversation), faults: Vec::new() }
}

/// Reads a conversation piece by piece, so that every wrong piece is named and the others stay.
pub fn read_conversation(line: u64, value: Value) -> ReadConversation {
    let Value::Object(mut fields) = value else {
        return ReadConversation::refused(line, "must be a JSON object", 1);
    };
    let turns = match fields.remove("turns") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(turns)) => turns,
        Some(_) => return ReadConversation::refused(line, "turns: must be a list", 1),
    };
    if turns.len() > MAX_TURNS {
        let reason = format!("turns: there are {}; at most {MAX_TURNS} are allowed", turns.len());
        return ReadConversation::refused(line, reason, turns.len());
    }
    let mut conversation: Conversation = match parsed(Value::Object(fields)) {
        Ok(conversation) => conversation,
        Err(reason) => return ReadConversation::refused(line, reason, turns.len()),
    };
    let mut faults = Vec::new();
    let placed = turns.iter().all(|turn| turn.get("turn").is_none_or(Value::is_null));
    for (value, place) in turns.into_iter().zip(1..) {
        let number = value.get("turn").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(place);
        match parsed::<Turn>(value) {
            Ok(turn) => conversation.turns.push(Turn { turn: Some(number), placed, ..turn }),
            Err(reason) => faults.push(TurnFault { turn: number, reason }),
        }
    }
    ReadConversation { line, conversation: Ok(conversation), faults }
}

/// Absent is the same as null, and what is wrong is told with its field.
fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    let Value::Object(fields) = value else { return Err("must be a JSON object".into()) };
    let given: Map<String, Value> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    serde_path_to_error::deserialize(Value::Object(given)).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner().to_string();
        if path == "." { why } else { format!("{path}: {why}") }
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<ReadConversation> {
        Conversations::new(&mut body.as_bytes()).map(Result::unwrap).collect()
    }

    #[test]
    fn turns_are_numbered_by_their_place_unless_they_say_so() {
        let all = read(
            "\u{feff}{\"session_id\":\"s\",\"turns\":[{\"role\":\"customer\",\"text\":\"a\"},{\"turn\":7,\"role\":\"agent\",\"text\":\"b\"}]}\r\n\n",
        );
        let turns = all.first().unwrap().conversation.clone().unwrap().turns;
        assert_eq!(turns.iter().map(|t| t.turn).collect::<Vec<_>>(), [Some(1), Some(7)]);
        assert!(turns.iter().all(|turn| !turn.placed), "one has a number of its own");
        let none = read("{\"session_id\":\"s\",\"turns\":[{\"role\":\"customer\",\"text\":\"a\"}]}");
        let turns = none.first().unwrap().conversation.clone().unwrap().turns;
        assert!(turns.iter().all(|turn| turn.placed && turn.turn == Some(1)));
    }

    #[test]
    fn a_wrong_turn_costs_only_itself_and_a_wrong_field_the_line() {
        let body = concat!(
            r#"{"session_id":"s","turns":[{"role":"robot","text":"a"},{"role":"customer","text":"b"},5]}"#,
            "\n",
            r#"{"session_id":"s","colour":"red","turns":[{"role":"customer","text":"b"},{"role":"customer","text":"b"}]}"#,
            "\n{",
            "\n",
            r#"{"session_id":"s","csat":9}"#,
        );
        let all = read(body);
        let first = all.first().unwrap();
        assert_eq!(first.conversation.as_ref().unwrap().turns.first().unwrap().turn, Some(2));
        let faults: Vec<String> = first.faults.iter().map(|f| format!("{}: {}", f.turn, f.reason)).collect();
        let refused = all.iter().skip(1).map(|r| {
            let (reason, turns) = r.conversation.clone().unwrap_err();
            format!("{} ({turns}): {reason}", r.line)
        });
        insta::assert_snapshot!(faults.into_iter().chain(refused).collect::<Vec<_>>().join("\n"));
    }
}
