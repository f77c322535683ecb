//! When should a person take over, and why?
//!
//! Invariant: the reasons depend on what was said and how it was answered, never on articles the caller may not see.

use zhiyin_index::normalize::folded;

use super::cues::Cues;
use crate::model::answer::{AnswerStatus, Handoff, HandoffReason};

const DATA: &str = include_str!("handoff.txt");

const BY_CUE: [(&str, HandoffReason); 4] = [
    ("asked_for_person", HandoffReason::AskedForPerson),
    ("negative_sentiment", HandoffReason::NegativeSentiment),
    ("sensitive_topic", HandoffReason::SensitiveTopic),
    ("restricted_content", HandoffReason::RestrictedContent),
];

/// Whether a person should take over.
pub fn handoff(question: &str, status: AnswerStatus, repeated: bool) -> Handoff {
    let mut reasons = Vec::new();
    if status == AnswerStatus::Unanswered {
        reasons.push(HandoffReason::LowConfidence);
    }
    if repeated {
        reasons.push(HandoffReason::RepeatedQuestion);
    }
    let (cues, text) = (Cues::of(DATA), folded(question));
    reasons.extend(BY_CUE.iter().filter(|(group, _)| cues.holds(group, &text)).map(|(_, reason)| *reason));
    Handoff { recommended: !reasons.is_empty(), reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_seen_in_both_languages() {
        let cases = [
            ("我要转人工", HandoffReason::AskedForPerson),
            ("Let me talk to a human", HandoffReason::AskedForPerson),
            ("你们太差了,一直没人管", HandoffReason::NegativeSentiment),
            ("This is ridiculous", HandoffReason::NegativeSentiment),
            ("充电器起火了怎么办", HandoffReason::SensitiveTopic),
            ("I will call my lawyer", HandoffReason::SensitiveTopic),
            ("怎么查别人的订单", HandoffReason::RestrictedContent),
            ("how to log in to someone else's account", HandoffReason::RestrictedContent),
        ];
        for (question, reason) in cases {
            assert_eq!(handoff(question, AnswerStatus::Answered, false).reasons, [reason], "{question}");
        }
        assert!(!handoff("what is the issue with my order", AnswerStatus::Answered, false).recommended);
        assert_eq!(handoff("退货", AnswerStatus::Answered, true).reasons, [HandoffReason::RepeatedQuestion]);
    }
}
