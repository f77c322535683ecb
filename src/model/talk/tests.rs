//! Conversations as they come in, with what each turn must come to.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use super::*;

const CASES: &str = include_str!("data/cases.txt");

/// Conversations are separated by empty lines; `=` says what the turn above it comes to.
type Turn = (Role, String, String);

fn conversations() -> Vec<Vec<Turn>> {
    let mut all: Vec<Vec<Turn>> = vec![Vec::new()];
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.replace("\\n", "\n");
        let role = match head {
            "" => {
                all.push(Vec::new());
                continue;
            }
            "=" => {
                let turn = all.last_mut().and_then(|turns| turns.last_mut());
                let expected = turn.map(|(_, _, expected)| expected);
                expected.unwrap_or_else(|| panic!("no turn before {line}")).push_str(&format!("{rest}\n"));
                continue;
            }
            "c" => Role::Customer,
            "a" => Role::Agent,
            "b" => Role::Bot,
            "s" => Role::System,
            _ => panic!("{line}"),
        };
        all.last_mut().unwrap_or_else(|| panic!("empty")).push((role, rest, String::new()));
    }
    all
}

fn shown(reading: &Reading) -> String {
    match reading {
        Reading::Asks(questions) => questions.iter().map(|q| format!("? {q}\n")).collect(),
        Reading::Answers => "answers\n".to_owned(),
        Reading::SetAside(Reason::Empty) => "empty\n".to_owned(),
        Reading::SetAside(Reason::Greeting) => "greeting\n".to_owned(),
        Reading::SetAside(Reason::Filler) => "filler\n".to_owned(),
        Reading::SetAside(Reason::Machine) => "machine\n".to_owned(),
        Reading::SetAside(Reason::NotAQuestion) => "not a question\n".to_owned(),
    }
}

#[test]
fn each_turn_comes_to_what_it_should() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for turns in conversations() {
        let said: Vec<Said<'_>> = turns.iter().map(|(role, text, _)| Said { role: *role, text }).collect();
        for ((_, text, expected), reading) in turns.iter().zip(read(&said)) {
            judged += usize::from(!expected.is_empty());
            let shown = shown(&reading);
            if !expected.is_empty() && *expected != shown {
                wrong.push(format!("{text}\n  expected {expected:?}\n  came to  {shown:?}"));
            }
        }
    }
    assert!(judged >= 100, "only {judged} turns are judged");
    assert!(wrong.is_empty(), "{} of {judged} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn an_insult_is_no_question_and_an_angry_question_is_one() {
    for text in ["you are stupid", "You are so stupid!!", "you're an idiot", "fuck you", "你好蠢", "白痴", "你们太蠢了"]
    {
        assert!(is_idle(text), "{text}");
    }
    for text in
        ["my stupid lamp is broken", "are you open on sunday", "退款他妈的怎么还没到账,订单都取消三天了", "怎么退货"]
    {
        assert!(!is_idle(text), "{text}");
    }
}

#[test]
fn what_was_cleaned_is_clean() {
    for (role, text, _) in conversations().into_iter().flatten() {
        if let Cleaned::Kept(kept) = clean(&text, role) {
            assert_eq!(clean(&kept, role), Cleaned::Kept(kept.clone()), "{text}");
        }
    }
}
