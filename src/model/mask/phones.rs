//! Which runs of digits are numbers to call: mobile, landline, abroad?
//!
//! Invariant: a number keeps to the groups in which people say it, or to one kind of gap; members of a list, days and
//! prices do not.

use super::cued::is_counted;
use super::digits::{Gap, run};
use super::glyph::{Glyphs, is_han, numeral};
use super::net::is_version;
use super::numbers::Candidate;
use super::words::LEXICON;

/// `138 1234 5678`, `+86-138…`, `(0086)138…`, also one digit at a time, or in whatever groups keep to 3-4-4.
pub fn is_mobile(c: &Candidate<'_>) -> bool {
    let (number, shape) = match (c.digits, c.shape) {
        ([b'0', b'0', b'8', b'6', number @ ..], [4, shape @ ..]) => (number, shape),
        ([b'8', b'6', number @ ..], [2, shape @ ..]) => (number, shape),
        ([b'0', number @ ..], [1, shape @ ..]) => (number, shape),
        ([b'0', b'0', b'8', b'6', number @ ..], [15]) => (number, [11].as_slice()),
        ([b'8', b'6', number @ ..], [13]) => (number, [11].as_slice()),
        ([b'0', number @ ..], [12]) => (number, [11].as_slice()),
        all => all,
    };
    if !is_mobile_number(number) || c.in_identifier() || is_release(c) {
        return false;
    }
    let prefix = c.shape.len() - shape.len();
    let inner = c.gaps.get(prefix.min(c.gaps.len())..).unwrap_or_default();
    let even = inner.windows(2).all(|pair| pair.first() == pair.last());
    let loose = c.gaps.iter().all(Gap::is_loose);
    let grouped = shape.iter().all(|digits| *digits >= 3);
    let in_pairs =
        matches!(shape, [3, 2, 2, 2, 2] | [3, 2, 2, 4] | [3, 4, 2, 2] | [1, 2, 2, 2, 2, 2] | [2, 2, 2, 2, 2, 1])
            || shape == [2, 2, 2, 2, 3] && has_zero(number, shape);
    let dotted = |gap: &Gap| gap.is_loose() || gap.is_point();
    match shape {
        [11] => c.gaps.iter().all(Gap::flows),
        _ if shape.len() == 11 => !is_listed(c, inner),
        [3, 4, 4] if even => !is_listed(c, inner),
        _ if loose && (grouped || in_pairs && even || shape.len() > 6 && c.gaps.iter().all(|gap| gap.is("-"))) => true,
        // `138.0.7204.158` is a browser.
        _ if grouped && c.gaps.iter().all(dotted) && !inner.iter().all(Gap::is_point) => true,
        _ => {
            // Points between all parts are those of a version or an identifier, unless they part 3-4-4.
            let release = inner.iter().all(Gap::is_point) && shape.first() != Some(&3);
            let inside = c.before() == '.' && c.text.back(c.from, 2).is_ascii_digit();
            let fraction = shape.len() == 2 && inner.iter().all(Gap::is_point);
            keeps_to_groups(shape)
                && !(release || inside || fraction)
                && c.gaps.iter().all(Gap::flows)
                && !is_rising(number, shape)
                && !is_calendar(number, shape, inner)
                && !is_decimal(shape, inner)
                && !is_listed(c, inner)
        }
    }
}

/// Eleven digits that begin as mobile numbers of the mainland do.
pub fn is_mobile_number(digits: &[u8]) -> bool {
    digits.len() == 11 && matches!(digits, [b'1', b'3'..=b'9', ..])
}

/// Whether the digits are cut as 3-4-4, or finer, or less: `138|0|013|8|000`, `1380013|8000`.
fn keeps_to_groups(shape: &[usize]) -> bool {
    let mut at = 0;
    let cuts: Vec<usize> = shape
        .iter()
        .map(|digits| {
            at += digits;
            at
        })
        .filter(|cut| *cut < 11)
        .collect();
    cuts.iter().all(|cut| matches!(cut, 3 | 7)) || cuts.contains(&3) && cuts.contains(&7)
}

/// Whether points stand between the blocks behind a word like `version`.
fn is_release(c: &Candidate<'_>) -> bool {
    !c.gaps.is_empty() && c.gaps.iter().all(Gap::is_point) && is_version(c.text, c.from)
}

/// The digits block by block.
fn groups<'a>(digits: &'a [u8], shape: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut at = 0;
    shape.iter().map(move |length| {
        at += length;
        digits.get(at - length..at).unwrap_or_default()
    })
}

/// Whether a block begins with a zero, as numbers that count something do not.
fn has_zero(digits: &[u8], shape: &[usize]) -> bool {
    groups(digits, shape).any(|group| group.len() > 1 && group.first() == Some(&b'0'))
}

/// Whether the blocks are ever greater numbers: `1 3 5 7 9 11 13 15`.
fn is_rising(digits: &[u8], shape: &[usize]) -> bool {
    let value = |group: &[u8]| group.iter().fold(0_u64, |sum, d| sum * 10 + u64::from(d - b'0'));
    let pairs = groups(digits, shape).zip(groups(digits, shape).skip(1));
    shape.len() > 3 && !has_zero(digits, shape) && pairs.into_iter().all(|(a, b)| value(a) < value(b))
}

/// Whether there is a day among the blocks: `13/5/2026 1430`, `1.5.0 (2020-07-17)`.
fn is_calendar(number: &[u8], shape: &[usize], gaps: &[Gap]) -> bool {
    let groups: Vec<&[u8]> = groups(number, shape).collect();
    let year = |group: &[u8]| matches!(group, [b'1', b'9', _, _] | [b'2', b'0' | b'1', _, _]);
    let small = |group: &[u8]| group.len() <= 2;
    groups.windows(3).zip(gaps.windows(2)).any(|(parts, gaps)| {
        let day = matches!(parts, [a, b, c] if year(a) && small(b) && small(c) || small(a) && small(b) && year(c));
        day && gaps.first() == gaps.last()
    })
}

/// Whether a point stands before one or two digits, as in prices: `1399.00 - 899.00`.
fn is_decimal(shape: &[usize], gaps: &[Gap]) -> bool {
    let places = shape.iter().skip(1);
    let alone = |at: Option<usize>| !at.and_then(|at| gaps.get(at)).is_some_and(Gap::is_point);
    let single = |n: usize| alone(n.checked_add(1)) && alone(n.checked_sub(1));
    gaps.iter().zip(places).enumerate().any(|(n, (gap, digits))| gap.is_point() && *digits <= 2 && single(n))
}

/// `+1 (555) 123-4567`: a plus and 8 to 15 digits (ITU-T E.164).
pub fn is_international(c: &Candidate<'_>) -> bool {
    let brackets = c.text.run_before(c.from, 2, |c| c == '(');
    let plus = c.text.back(c.from, brackets + 1) == '+';
    let toll_free = matches!(c.digits, [b'1', b'8', b'0', b'0', ..] | [b'8', b'6', b'4', b'0', b'0', ..]);
    plus && !c.text.back(c.from, brackets + 2).is_ascii_alphanumeric()
        && (8..=15).contains(&c.digits.len())
        && !toll_free
        && !c.digits.starts_with(b"0")
        && c.gaps.iter().all(Gap::flows)
        && !c.in_identifier()
}

/// `010-12345678`, `(0755) 1234 5678`, `021 5888 1234-8001`, `86 10 6234 5678`: a Chinese area code, 7 or 8 digits, perhaps
/// an extension.
pub fn is_landline(c: &Candidate<'_>) -> bool {
    if c.in_identifier() || is_release(c) || is_listed(c, c.gaps) {
        return false;
    }
    let (number, prefix) = match (c.digits, c.shape) {
        ([b'0', b'0', b'8', b'6', number @ ..], [4 | 15.., ..]) => (number, 4),
        ([b'8', b'6', number @ ..], [2 | 13.., ..]) => (number, 2),
        (number, _) => return is_local(number, c.shape, c.gaps),
    };
    match (c.shape, c.gaps) {
        ([first, shape @ ..], [gap, gaps @ ..]) if *first == prefix && gap.flows() => {
            if number.starts_with(b"0") {
                is_local(number, shape, gaps)
            } else {
                is_from_abroad(number, shape, gaps)
            }
        }
        ([_], []) => is_local(number, &[number.len()], &[]),
        _ => false,
    }
}

/// A number with its area code, without the zero that a country's code stands for: `86 10 6234 5678`.
fn is_from_abroad(number: &[u8], shape: &[usize], gaps: &[Gap]) -> bool {
    let [area, local @ ..] = shape else { return false };
    let code = matches!((number, area), ([b'1', b'0', ..] | [b'2', _, ..], 2) | ([b'3'..=b'9', ..], 3));
    let starts = matches!(number.get(*area), Some(b'2'..=b'8'));
    let fits = matches!((area, local), (_, [8] | [4, 4]) | (3, [7] | [3, 4]));
    code && starts && fits && gaps.iter().all(|gap| gap.is_loose() || gap.is_point())
}

/// A number with its area code.
fn is_local(digits: &[u8], shape: &[usize], gaps: &[Gap]) -> bool {
    let Some(area) = area(digits) else { return false };
    let loose = gaps.iter().all(Gap::is_loose);
    if !gaps.iter().all(Gap::flows) || !matches!(digits.get(area), Some(b'2'..=b'8')) {
        return false;
    }
    let fits = |digits: usize| digits == 8 || (digits == 7 && area == 4);
    let all = digits.len();
    match shape {
        [all] => fits(all - area),
        [a, rest @ ..] if *a == area => match rest {
            [whole] => fits(*whole),
            [3 | 4, 4] | [2, 2, 2, 2] => true,
            [whole, 1..=6] => loose && fits(*whole),
            [3 | 4, 4, 1..=6] => loose,
            _ => false,
        },
        // `05718888 6666`
        [7 | 8, 4] => fits(all - area),
        [together, 1..=6] => loose && fits(together.saturating_sub(area)),
        ones => ones.iter().all(|n| *n == 1) && fits(ones.len() - area),
    }
}

/// How many digits the area code of a Chinese number has.
pub fn area(digits: &[u8]) -> Option<usize> {
    match digits {
        [b'0', b'1', b'0', ..] | [b'0', b'2', ..] => Some(3),
        [b'0', b'3'..=b'9', ..] => Some(4),
        _ => None,
    }
}

/// `0912-345-678`.
pub fn is_taiwanese_mobile(c: &Candidate<'_>) -> bool {
    matches!(c.digits, [b'0', b'9', ..])
        && c.digits.len() == 10
        && (matches!(c.shape, [10] | [4, 3, 3] | [4, 6] | [2, 4, 4]) || c.shape.len() == 10 && c.is_even())
        && c.gaps.iter().all(Gap::flows)
        && !is_listed(c, c.gaps)
        && !c.in_identifier()
}

/// `(02) 2345-6789`, `07-345-6789`.
pub fn is_taiwanese_landline(c: &Candidate<'_>) -> bool {
    let shape = matches!(c.shape, [2, 4, 4] | [2, 8] | [2, 3, 4] | [2, 7]);
    let area = matches!(c.digits, [b'0', b'2', b'2'..=b'8', ..] | [b'0', b'3'..=b'8', b'2'..=b'9', ..]);
    let (bracket, dashes) = (c.before() == '(', c.gaps.iter().all(|gap| gap.is("-")));
    shape && area && (bracket || dashes) && c.gaps.iter().all(Gap::is_loose) && !c.in_identifier()
}

/// `(212) 555-0123`, `212-555-0123`: the North American plan, without hotlines.
pub fn is_american(c: &Candidate<'_>) -> bool {
    let hotline = matches!(c.digits, [b'4', b'0', b'0', ..] | [b'8', b'0', b'0', ..])
        || matches!(c.digits, [b'8', a, b, ..] if a == b && matches!(a, b'3'..=b'8'));
    matches!(c.shape, [3, 3, 4])
        && matches!(c.digits, [b'2'..=b'9', _, _, b'2'..=b'9', ..])
        && !hotline
        && (c.gaps_are(&["-", ".", ") ", ")", ")-", "/", ")."]) || c.before() == '(' && c.gaps_are(&[") ", " ", "-"]))
        && !(c.before() == '-' && c.text.back(c.from, 2).is_ascii_digit())
        && !c.in_identifier()
}

/// Whether the blocks are members of a list, or counts: `138, 0013, 8000 三个型号`.
pub fn is_listed(c: &Candidate<'_>, gaps: &[Gap]) -> bool {
    if !gaps.iter().any(Gap::lists) {
        return false;
    }
    let text = c.text;
    let apart = |c: char| matches!(c, ' ' | ',' | '、' | '/' | '|');
    let next = text.skip_most(c.to, 4, apart);
    let count = text.skip_most(next, 2, |c| numeral(c).is_some() || matches!(c, '几' | '种' | '幾' | '種'));
    let thing =
        ["models", "sizes", "types", "kinds", "of them", "each", "型号", "尺寸", "規格", "规格", "respectively"];
    let counted = is_counted(text, c.to)
        || count > next && (text.ch(next) != '一' && is_han(text.ch(count)) || LEXICON.units.at(text, count).is_some())
        || thing.iter().any(|word| text.reads(next, word) || text.reads(count, word));
    let back = text.run_before(c.from, 4, apart);
    let before = back > 0 && c.from - back > c.least && text.back(c.from - back, 1).is_ascii_digit();
    let more = text.skip_most(next, 5, |c| c.is_ascii_digit()) - next;
    // Three digits may begin the next number.
    let more = matches!(more, 1 | 2 | 4) || more == 3 && text.ch(next) != '1';
    counted || c.is_of_a_thing() || !has_zero(c.digits, c.shape) && (before || next > c.to && more)
}

/// A number that everybody may know: a company's hotline.
pub fn is_hotline(digits: &[u8]) -> bool {
    let ten = digits.len() == 10 && (digits.starts_with(b"400") || digits.starts_with(b"800"));
    let eight = digits.len() == 8 && digits.starts_with(b"1010");
    let toll_free = digits.len() == 11 && matches!(digits, [b'1', b'8', b'0', b'0', ..]);
    digits.len() < 7 || ten || eight || toll_free || matches!(digits, [b'9', b'5', ..] if digits.len() <= 8)
}

/// Where the extension of a phone number ends: `转802`, `ext. 12`.
pub fn extension(text: &Glyphs, end: usize) -> Option<usize> {
    let at = text.skip_most(end, 1, |c| c == ' ');
    let words = ["转", "轉", "ext. ", "ext ", "ext.", "x", "分机", "分機", "转分机"];
    let from = at + words.iter().filter(|word| text.reads(at, word)).map(|word| word.chars().count()).max()?;
    let to = text.skip_most(from, 6, |c| c.is_ascii_digit());
    // `转138 0013 8000` passes on to another number.
    let another = run(text, from, 11, false).0.len() > 6;
    (to > from + 1 && !another && !text.ch(to).is_ascii_alphanumeric()).then_some(to)
}
