//! Which numbers were written without anything between them: two mobile numbers, a mobile number and an identity card?
//!
//! Invariant: a run is cut only where all of it becomes numbers with their lawful heads and check digits.

use super::Kind;
use super::digits::{Block, Gap, Script};
use super::glyph::{Found, Glyphs};
use super::numbers::{Candidate, is_identity, is_issued, is_like_identity, luhn};
use super::phones::{area, is_mobile_number};

/// Fewest digits of two numbers, and most that are looked at.
const LEAST: usize = 22;
const MOST: usize = 64;

/// The numbers in a run that begins with the first of these blocks, and how many blocks it takes.
pub fn run_together(text: &Glyphs, blocks: &[Block], script: Script) -> Option<(Vec<Found>, usize)> {
    let taken = gather(text, blocks);
    let blocks = blocks.get(..taken)?;
    let (first, last) = (blocks.first()?, blocks.last()?);
    let total: usize = blocks.iter().map(|block| block.len()).sum();
    if !(LEAST..=MOST).contains(&total) {
        return None;
    }
    let places: Vec<usize> = blocks.iter().flat_map(|block| block.from..block.to).collect();
    let letters = places.iter().any(|at| text.ch(*at).is_ascii_alphabetic());
    let digits: Vec<u8> = places.iter().filter_map(|at| script.digit(text.ch(*at))).map(|d| d + b'0').collect();
    let whole = Candidate { text, from: first.from, to: last.to, least: 0, digits: &digits, shape: &[], gaps: &[] };
    let x = whole.final_x();
    let inside = text.back(first.from, 1) == '_' || text.back(first.from, 1).is_ascii_uppercase();
    if letters || inside || x.is_none() && whole.in_identifier() || whole.is_of_a_thing() {
        return None;
    }
    let mut pieces = Vec::new();
    if !cut(&digits, 0, x.is_some(), &mut pieces, &mut [false; MOST + 1]) || pieces.len() < 2 {
        return None;
    }
    let mut at = 0;
    let found = pieces.iter().filter_map(|(kind, length)| {
        let (from, to) = (*places.get(at)?, places.get(at + length - 1)? + 1);
        at += length;
        let to = if *kind == Kind::IdentityCard && *length == 17 { x.unwrap_or(to) } else { to };
        Some(Found { from, to, kind: *kind })
    });
    Some((found.collect(), taken))
}

/// How many blocks stand together as groups of one size, the last one perhaps shorter.
fn gather(text: &Glyphs, blocks: &[Block]) -> usize {
    let Some(first) = blocks.first().filter(|first| (3..LEAST).contains(&first.len())) else { return 1 };
    let (mut taken, mut end, mut total, mut even) = (1, first.to, first.len(), None);
    for block in blocks.iter().skip(1) {
        let gap = Gap::between(text, end, block.from).filter(Gap::is_loose);
        total += block.len();
        if gap.is_none() || even.is_some() && even != gap || block.len() > first.len() || total > MOST {
            break;
        }
        (taken, end, even) = (taken + 1, block.to, gap);
        if block.len() < first.len() {
            break;
        }
    }
    taken
}

/// Cuts the digits from a place on; places where that failed are not tried again.
fn cut(digits: &[u8], at: usize, x: bool, pieces: &mut Vec<(Kind, usize)>, failed: &mut [bool; MOST + 1]) -> bool {
    let rest = digits.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return !x || pieces.last().is_some_and(|(kind, length)| *kind == Kind::IdentityCard && *length == 17);
    }
    if failed.get(at).copied().unwrap_or(true) {
        return false;
    }
    for (kind, length) in heads(rest, x) {
        pieces.push((kind, length));
        if cut(digits, at + length, x, pieces, failed) {
            return true;
        }
        pieces.pop();
    }
    if let Some(slot) = failed.get_mut(at) {
        *slot = true;
    }
    false
}

/// The numbers that may begin here, the surer ones first.
fn heads(rest: &[u8], x: bool) -> Vec<(Kind, usize)> {
    let begins = |length: usize, fits: &dyn Fn(&[u8]) -> bool| rest.get(..length).is_some_and(fits);
    let mut heads = Vec::new();
    if x && rest.len() == 17 && is_identity(rest, true) {
        heads.push((Kind::IdentityCard, 17));
    }
    // Beside another number a province and a birthday are enough.
    if begins(18, &is_like_identity) {
        heads.push((Kind::IdentityCard, 18));
    }
    let card = |digits: &[u8]| is_issued(digits) && luhn(digits);
    heads.extend((14..=19).rev().filter(|length| begins(*length, &card)).map(|length| (Kind::BankCard, length)));
    if begins(11, &is_mobile_number) {
        heads.push((Kind::Mobile, 11));
    }
    if let Some(area) = area(rest).filter(|area| matches!(rest.get(*area), Some(b'2'..=b'8'))) {
        heads.extend([8, 7].iter().filter(|n| **n == 8 || area == 4).map(|n| (Kind::Phone, area + n)));
    }
    heads.retain(|(_, length)| *length <= rest.len());
    heads
}

#[cfg(test)]
mod tests {
    use super::super::mask;

    #[test]
    fn numbers_that_run_together_are_cut_where_all_of_it_becomes_numbers() {
        for (text, masked) in [
            ("1380013800013900139000", "〔手机号〕〔手机号〕"),
            ("13800138000110105194912310021", "〔手机号〕〔身份证〕"),
            ("1380013800011010519491231002X", "〔手机号〕〔身份证〕"),
            ("1380 0138 0001 3900 1390 00", "〔手机号〕〔手机号〕"),
            ("4111111111111111138001380000", "4111111111111111138001380000"),
            ("411111111111111113800138000", "〔银行卡〕〔手机号〕"),
            ("01062345678", "〔电话〕"),
            ("1380013800001062345678", "〔手机号〕〔电话〕"),
            ("2026112215300012345678", "2026112215300012345678"),
            ("序列号1380013800013900139000", "序列号1380013800013900139000"),
        ] {
            assert_eq!(mask(text), masked, "for {text}");
        }
    }
}
