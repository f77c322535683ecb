//! Which words are licence plates of the mainland: `京A12345`, `粤B·D12345`, `京 A 1 2 3 4 5`?
//!
//! Invariant: a province and a letter stand before five or six places, however far these are apart.

use super::glyph::{Glyphs, is_han, numeral};
use super::words::LEXICON;

const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新晉遼滬蘇閩贛魯粵瓊陝寧貴雲";

/// Where the plate ends that begins there.
pub fn plate(text: &Glyphs, at: usize) -> Option<usize> {
    let province = text.ch(at);
    let letter_at = text.skip_most(at + 1, 2, apart);
    let letter = text.ch(letter_at).to_ascii_uppercase();
    if !letter.is_ascii_uppercase() || letter == 'I' || !PROVINCES.contains(province) {
        return None;
    }
    let from = text.skip_most(letter_at + 1, 2, apart);
    let ambiguous = matches!(province, '新' | '云' | '青' | '黑' | '吉')
        && is_han(text.back(at, 1))
        && !matches!(text.back(at, 1), '牌' | '是' | '车' | '車' | '号' | '為' | '为');
    let to = text.skip_most(from, 8, |c| c.is_ascii_alphanumeric());
    let whole: Vec<char> = text.chars(from, to).collect();
    if let Some(end) = fits(text, &whole, to) {
        // `全新A12345` is a thing, not a car from Xinjiang.
        return (!ambiguous || from > letter_at + 1).then_some(end);
    }
    spread(text, from).filter(|_| !ambiguous)
}

fn apart(c: char) -> bool {
    matches!(c, ' ' | '·' | '-' | '.' | '(' | ')')
}

/// Where a plate ends whose places are these.
fn fits(text: &Glyphs, places: &[char], to: usize) -> Option<usize> {
    let digits = places.iter().filter(|c| c.is_ascii_digit()).count();
    let lawful = places.iter().all(|c| !matches!(c.to_ascii_uppercase(), 'I' | 'O'));
    let to_special = text.skip_most(to, 1, |c| c == ' ');
    let special = matches!(text.ch(to_special), '学' | '學' | '警' | '港' | '澳' | '挂' | '领' | '試' | '试' | '超');
    let green = places.len() == 6 && digits >= 4;
    let enough = places.len() == 5 && digits >= 2 || green || places.len() == 4 && special && digits >= 2;
    (lawful && enough).then_some(if special { to_special + 1 } else { to })
}

/// The same with gaps, or with numerals: `京 A 123 45`, `京A一二三四五`.
fn spread(text: &Glyphs, from: usize) -> Option<usize> {
    let place = |c: char| {
        if c.is_ascii_alphanumeric() { Some(c) } else { numeral(c).and_then(|d| char::from_digit(u32::from(d), 10)) }
    };
    let (mut places, mut end, mut best) = (Vec::new(), from, None);
    while places.len() < 7 {
        let gap = text.skip_most(end, 2, |c| matches!(c, ' ' | '-' | '·')) - end;
        let Some(c) = place(text.ch(end + gap)).filter(|_| gap == 0 || !places.is_empty()) else { break };
        places.push(c);
        end += gap + 1;
        let ends = place(text.ch(end)).is_none();
        let digits = places.iter().filter(|c| c.is_ascii_digit()).count();
        if ends
            && digits >= 3
            && places.len() >= 5
            && LEXICON.units.at(text, text.skip_most(end, 1, |c| c == ' ')).is_none()
        {
            best = fits(text, &places, end).or(best);
        }
    }
    best
}
