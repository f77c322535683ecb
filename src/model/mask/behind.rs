//! Which value is told only by what stands behind it: `138,0013-8000 is my number`, `E1234 5678 是我的护照号`?
//!
//! Invariant: the word behind says whose it is; the value must look as it does behind its cue, and end at the verb.

use super::Settings;
use super::cued::{Link, value};
use super::glyph::{DIGITS, Found, Glyphs, NUMERALS, numeral};
use super::words::{Cue, LEXICON};

/// Most characters of a value that are looked at.
const MOST: usize = 40;

/// What says that a value was meant.
const VERBS: [&str; 6] = ["就是", "是", "为", "為", "is ", "was "];
pub fn behind(text: &Glyphs, settings: &Settings) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(DIGITS | NUMERALS) {
        return found;
    }
    for at in 1..text.len() {
        let least = found.last().map_or(0, |piece| piece.to);
        found.extend(told(text, at, least, settings));
    }
    found
}

/// The value that ends before the verb that begins there.
fn told(text: &Glyphs, at: usize, least: usize, settings: &Settings) -> Option<Found> {
    if !matches!(text.ch(at), '是' | '就' | '为' | '為' | 'i' | 'I' | 'w' | 'W') {
        return None;
    }
    let verb = VERBS.iter().find(|verb| text.reads(at, verb))?;
    let space = text.run_before(at, 2, |c| matches!(c, ' ' | ',' | '这'));
    let end = at - space;
    let is_digit = |c: char| c.is_ascii_digit() || numeral(c).is_some();
    let last = text.back(end, 1);
    let ends = is_digit(last) || last.is_ascii_alphabetic() && is_digit(text.back(end, 2));
    if !ends {
        return None;
    }
    let whose_at = at + verb.chars().count();
    let (whose, ()) = LEXICON.whose.at(text, whose_at)?;
    let named = text.skip_most(whose, 1, |c| c == ' ');
    let cue = match LEXICON.cues.at(text, named) {
        Some((_, cue)) => cue,
        None if text.reads(named, "number") => Cue::Phone,
        None => return None,
    };
    let inside =
        |c: char| is_digit(c) || c.is_ascii_alphabetic() || !c.is_alphanumeric() && c.is_ascii_graphic() || c == ' ';
    let length =
        text.run_before(end, MOST.min(end - least), |c| inside(c) && !matches!(c, ':' | '=' | '"' | '!' | '?'));
    // The value may begin behind other words and numbers: the longest that fits is taken.
    let starts = (end - length..end).filter(|from| {
        let (c, before) = (text.ch(*from), text.back(*from, 1));
        let letters = text.skip_most(*from, 3, |c| c.is_ascii_alphabetic());
        let series = (1..3).contains(&(letters - from)) && (is_digit(text.ch(letters)) || c.is_ascii_uppercase());
        (is_digit(c) || series || matches!(c, '+' | '(')) && !(is_digit(before) || before.is_ascii_alphabetic())
    });
    starts.take(8).find_map(|from| {
        let link = Link { to: from, strong: true, colon: false, quoted: false, far: false };
        value(text, &link, cue, settings).filter(|piece| piece.to == end && piece.from >= least)
    })
}

#[cfg(test)]
mod tests {
    use super::super::mask;

    #[test]
    fn a_cue_may_stand_behind_its_value() {
        for (text, masked) in [
            ("138,00 138-000 is my number", "〔手机号〕 is my number"),
            ("62345678是我家电话", "〔电话〕是我家电话"),
            ("E 1234 5678 是我的护照号", "〔护照〕 是我的护照号"),
            ("10086 是我的电话套餐客服", "10086 是我的电话套餐客服"),
            ("8 是我的尺码", "8 是我的尺码"),
            ("12345678 是你们的型号", "12345678 是你们的型号"),
        ] {
            assert_eq!(mask(text), masked, "for {text}");
        }
    }
}
