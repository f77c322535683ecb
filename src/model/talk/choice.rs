//! Does a Chinese text ask by naming a yes and a no: `卖不卖`, `到没到`, `接不接受`, `支持不支持`?
//!
//! Invariant: texts are given folded, without the phrases that look alike and ask nothing (`asks_not`).

use super::phrases::phrases;

/// Most characters of the word that is named twice.
const LONGEST: usize = 2;

/// Whether the text holds a word, `不` or `没`, and the same word again (or the first character of it again, and the
/// rest: that is the same for the eye that reads on).
pub fn offers_a_choice(text: &[char]) -> bool {
    (0..text.len()).any(|at| is_not(text.get(at)) && (1..=LONGEST).any(|length| is_choice(text, at, length)))
}

/// Whether words of this length on both sides of the `不` at a place are the same, and nothing says "either way".
fn is_choice(text: &[char], at: usize, length: usize) -> bool {
    let Some(begin) = at.checked_sub(length) else { return false };
    let (Some(word), Some(again)) = (text.get(begin..at), text.get(at + 1..at + 1 + length)) else { return false };
    if word != again || !word.iter().all(|c| is_han(*c) && !is_not(Some(c))) {
        return false;
    }
    let known = phrases();
    let (before, after) = (text.get(..begin).unwrap_or_default(), text.get(at + 1 + length..).unwrap_or_default());
    // `不对不对` says no twice; `一动不动` and `爱买不买` name no choice, nor does what makes no difference.
    let refused = before.last().is_some_and(|c| is_not(Some(c)) || matches!(c, '一' | '爱' | '愛'));
    !refused && known.opening("either_way_after", after).is_none() && !known.holds("either_way_before", before)
}

fn is_not(c: Option<&char>) -> bool {
    matches!(c, Some('不' | '没' | '沒'))
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(text: &str) -> bool {
        offers_a_choice(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn a_word_and_its_denial_ask() {
        for text in [
            "你们卖不卖咖啡机",
            "你們賣不賣咖啡機",
            "收不收支票",
            "接不接受刷卡",
            "提不提供样品",
            "支持不支持货到付款",
            "钱到没到账",
            "款到沒到",
            "防不防水",
            "值不值得买",
            "管不管安装",
            "这样对不对",
        ] {
            assert!(asks(text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_so_asks_nothing() {
        for text in [
            "不对不对",
            "屏幕一动不动",
            "爱买不买",
            "退不退都行",
            "不管退不退",
            "差不多",
            "来不及了",
            "不不不",
            "没完没了",
            "对不起",
            "不三不四",
            "3不3",
            "卖不",
            "",
        ] {
            assert!(!asks(text), "{text}");
        }
    }
}
