//! Which words are somebody's name: after `我叫`, `收件人:`, `my name is`, `Mr.`, or before `先生`?
//!
//! Invariant: nothing is a name by itself; a cue or a title stands beside it.

use super::Kind;
use super::cued::{Link, link};
use super::glyph::{END, Found, Glyphs, HAN, LETTERS, TAG, is_han, is_letter, numeral};
use super::words::{LEXICON, NameCue};

/// Longest single word of a name, in characters.
const MAX_WORD: usize = 24;

pub fn names(text: &Glyphs) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !text.holds(HAN | LETTERS) {
        return found;
    }
    let mut at = 0;
    while at < text.len() {
        let least = found.last().map_or(0, |piece| piece.to);
        let piece = introduced(text, at).or_else(|| titled(text, at, least)).or_else(|| beside(text, at, least));
        match piece {
            Some((from, to)) if from < to && from >= least => {
                found.push(Found { from, to, kind: Kind::Name });
                at = to.max(at + 1);
            }
            _ => at += 1,
        }
    }
    found
}

/// A name behind a cue that begins there.
fn introduced(text: &Glyphs, at: usize) -> Option<(usize, usize)> {
    let (end, cue) = LEXICON.name_cues.at(text, at)?;
    let link = link(text, end);
    let from = link.to;
    // A full stop ends the thought, unless it belongs to a title.
    if cue != NameCue::EnglishTitle && text.chars(end, from).any(|c| c == '.') {
        return None;
    }
    let chinese = is_han(text.ch(from));
    let to = match cue {
        NameCue::Called if chinese => called(text, from, &link, text.back(end, 1) == '姓'),
        NameCue::Field | NameCue::EnglishField if chinese => field(text, from, &link),
        NameCue::EnglishCalled if chinese => called(text, from, &link, false),
        NameCue::Am if chinese => am(text, from, &link),
        NameCue::EnglishAm | NameCue::EnglishTitle if chinese && !link.colon => am(text, from, &link),
        NameCue::Called | NameCue::EnglishCalled => english(text, from, Sureness::Sure),
        NameCue::Field if link.strong => english(text, from, Sureness::Sure),
        NameCue::EnglishField if link.colon && !is_qualified(text, at) => english(text, from, Sureness::Sure),
        NameCue::EnglishAm => english_am(text, at, end, &link),
        NameCue::EnglishTitle => english_title(text, at, end, &link),
        NameCue::Am if is_self(text, at) => {
            english(text, from, Sureness::Doubtful).filter(|to| is_boundary(text.ch(*to)) || is_stop(text.ch(*to)))
        }
        _ => None,
    };
    Some((from, to?))
}

/// `我是`, `这里是`: what is given to somebody (`交给`) is often given to a thing.
fn is_self(text: &Glyphs, at: usize) -> bool {
    matches!(text.ch(at), '我' | '这' | '這' | '本' | '俺' | '写' | '寫' | '应')
}

/// Whether a name cannot go on with this character.
fn is_stop(c: char) -> bool {
    LEXICON.not_given.contains(&c)
}

fn is_boundary(c: char) -> bool {
    c == END || c == TAG || !c.is_alphanumeric()
}

/// Where the surname ends that begins there.
fn surname(text: &Glyphs, at: usize, rare: bool) -> Option<usize> {
    if let Some((end, ())) = LEXICON.compound.at(text, at) {
        return Some(end);
    }
    let c = text.ch(at);
    (LEXICON.surnames.contains(&c) || rare && LEXICON.rare_surnames.contains(&c)).then_some(at + 1)
}

/// Where a Chinese name ends: a surname and one or two more characters, or a surname before a title.
fn chinese(text: &Glyphs, at: usize, rare: bool) -> Option<(usize, usize)> {
    let family = surname(text, at, rare)?;
    let mut end = family;
    for n in 0..2 {
        let c = text.ch(end);
        let title = LEXICON.titles.at(text, end).is_some() || c == '总' && is_boss(text, end);
        // What ends a name after its second character may well be the second one: `曹元朗`.
        let lawful = !is_stop(c) || n == 0 && LEXICON.also_given.contains(&c);
        if title || !is_han(c) || !lawful {
            break;
        }
        // The second character may begin a word instead: `李明安装`.
        if n > 0 && LEXICON.not_names.at(text, end).is_some_and(|(word, ())| word > end + 1) {
            break;
        }
        end += 1;
    }
    Some((end, family))
}

/// Behind `我叫`: a name, or one with `小` or `阿`.
fn called(text: &Glyphs, at: usize, link: &Link, only_surname: bool) -> Option<usize> {
    if let Some(to) = foreign(text, at).or_else(|| apart(text, at).filter(|_| !only_surname)) {
        return Some(to);
    }
    if let Some((to, family)) = chinese(text, at, true) {
        let to = to_boundary(text, at, family).filter(|whole| *whole > to).unwrap_or(to);
        let whole = is_boundary(text.ch(to)) || is_stop(text.ch(to));
        let word = LEXICON.not_names.at(text, at).is_some();
        let title = LEXICON.titles.at(text, to).is_some();
        // Some are called like a word: `我叫高峰,`.
        if to > family && (!word || whole && (to - at == 3 || is_boundary(text.ch(to)))) {
            return Some(to);
        }
        return ((only_surname || title) && !word && to == family).then_some(to);
    }
    nickname(text, at).or_else(|| whole_field(text, at, link))
}

/// A name whose characters stand apart: `李 明`, `李 小 明`.
fn apart(text: &Glyphs, at: usize) -> Option<usize> {
    let space = |at: usize| matches!(text.ch(at), ' ' | '-' | '.' | '/' | '_' | '*');
    let given = |at: usize| is_han(text.ch(at)) && !is_stop(text.ch(at)) && !is_han(text.ch(at + 1));
    let family = surname(text, at, true)?;
    if !space(family) || !given(family + 1) {
        return None;
    }
    let end = family + 2;
    let end = if space(end) && given(end + 1) { end + 2 } else { end };
    is_boundary(text.ch(end)).then_some(end)
}

/// `小明`, `阿强`.
fn nickname(text: &Glyphs, at: usize) -> Option<usize> {
    if !matches!(text.ch(at), '小' | '阿' | '老') || LEXICON.not_names.at(text, at).is_some() {
        return None;
    }
    let to = text.skip_most(at + 1, 2, |c| is_han(c) && !is_stop(c));
    let whole = is_boundary(text.ch(to)) || is_stop(text.ch(to)) || is_han(text.ch(to)) && to == at + 2;
    (to > at + 1 && whole).then_some(to)
}

/// `阿依古丽·买买提`.
fn foreign(text: &Glyphs, at: usize) -> Option<usize> {
    let mut to = text.skip_most(at, 8, is_han);
    if to < at + 2 || text.ch(to) != '·' || matches!(text.ch(at), '什' | '啥' | '怎') {
        return None;
    }
    let mut parts = 0;
    while parts < 4 && text.ch(to) == '·' {
        let from = to + 1;
        // Its first two characters may be any, as in `买买提`; what follows them may begin another thought.
        let next = text.skip_most(from, 2, is_han);
        let third = usize::from(next == from + 2 && is_han(text.ch(next)) && is_boundary(text.ch(next + 1)));
        let next = text.skip_most(next, 4, |c| next == from + 2 && is_han(c) && !is_said(c) && !is_stop(c));
        let next = next.max(from + 2 * third + third);
        if next < from + 1 {
            break;
        }
        (to, parts) = (next, parts + 1);
    }
    (parts > 0 && text.back(to, 1) != '·').then_some(to)
}

/// A field that holds nothing but two to four Chinese characters.
fn whole_field(text: &Glyphs, at: usize, link: &Link) -> Option<usize> {
    let to = text.skip_most(at, 5, |c| is_han(c) && !is_said(c));
    let fits = (2..=4).contains(&(to - at)) && is_boundary(text.ch(to)) && LEXICON.not_names.at(text, at).is_none();
    let heading = text.ch(to) == ':' || LEXICON.cues.at(text, at).is_some();
    (link.colon && fits && !heading).then_some(to)
}

/// Where a surname and one or two more characters end that fill a field, whatever they mean.
fn to_boundary(text: &Glyphs, at: usize, family: usize) -> Option<usize> {
    let to = text.skip_most(at, 5, |c| is_han(c) && !is_said(c));
    (matches!(to - family.min(to), 1..=2) && is_boundary(text.ch(to))).then_some(to)
}

/// Whether a character says something about a name, and is in none.
fn is_said(c: char) -> bool {
    "的了是不没沒错錯写寫填在电電吗嗎去来來过過着吧呢啊".contains(c)
}

/// Behind `收件人`.
fn field(text: &Glyphs, at: usize, link: &Link) -> Option<usize> {
    if let Some(to) = foreign(text, at).or_else(|| apart(text, at).filter(|_| link.colon)) {
        return Some(to);
    }
    let word = LEXICON.not_names.at(text, at).is_some();
    if let Some((to, family)) = chinese(text, at, link.strong) {
        let whole = is_boundary(text.ch(to)) || is_stop(text.ch(to)) || LEXICON.titles.at(text, to).is_some();
        if !word && let Some(to) = to_boundary(text, at, family) {
            return Some(to);
        }
        let titled = to == family && LEXICON.titles.at(text, to).is_some();
        let fits = to > family && (link.colon && is_boundary(text.ch(to)) || !word && (whole || link.strong));
        return (fits || titled && !word).then_some(to);
    }
    nickname(text, at).filter(|_| link.strong).or_else(|| whole_field(text, at, link))
}

/// Behind `我是`, `本人`: a whole name and then its end.
fn am(text: &Glyphs, at: usize, link: &Link) -> Option<usize> {
    if let Some(to) = foreign(text, at) {
        return Some(to);
    }
    if LEXICON.not_names.at(text, at).is_some() || link.colon && link.to > at {
        return None;
    }
    let (to, family) = chinese(text, at, false)?;
    let to = to_boundary(text, at, family).filter(|whole| family > at + 1 && *whole > to).unwrap_or(to);
    let numerals = text.chars(family, to).all(|c| numeral(c).is_some()) && to > family;
    let title = LEXICON.titles.at(text, to).is_some();
    let whole = is_boundary(text.ch(to))
        || is_stop(text.ch(to)) && (text.ch(to) != '的' || to - family == 2) && !matches!(text.ch(to), '们' | '們')
        || title;
    (whole && (to > family || title) && !numerals).then_some(to)
}

/// A name that stands alone beside a number or an address, as on a parcel: `李明,〔手机号〕,〔地址〕`.
fn beside(text: &Glyphs, at: usize, least: usize) -> Option<(usize, usize)> {
    if !matches!(text.tag(at)?, Kind::Mobile | Kind::Phone | Kind::IdentityCard | Kind::Address) {
        return None;
    }
    let apart = |c: char| matches!(c, ' ' | ',' | '、' | '\n' | '\t' | '/' | '|' | ';' | '-');
    let end = at - text.run_before(at, 3, apart);
    let from = end - text.run_before(end, 5, is_han);
    if from >= least && is_alone(text, from, end) {
        return Some((from, end));
    }
    let from = text.skip_most(at + 1, 3, apart);
    let end = text.skip_most(from, 5, is_han);
    (from > at + 1 && is_boundary(text.ch(end)) && is_alone(text, from, end)).then_some((from, end))
}

/// Whether a run of Chinese characters is a surname and one or two more, and no word.
fn is_alone(text: &Glyphs, from: usize, end: usize) -> bool {
    let given = surname(text, from, false).and_then(|family| end.checked_sub(family).map(|given| (family, given)));
    let Some((family, 1..=2)) = given else { return false };
    let word = (from..end).any(|at| LEXICON.not_names.at(text, at).is_some_and(|(to, ())| to <= end && to > at + 1));
    let place = LEXICON.provinces.at(text, from).is_some() || LEXICON.cities.at(text, from).is_some();
    // What one does with a number: `方便打 138…`.
    let spoken = |c: char| "打拨撥找请請问問电電联聯号號码碼手机機加改换換发發查收".contains(c);
    !word && !place && text.chars(family, end).all(|c| !is_said(c) && !spoken(c) && numeral(c).is_none())
}

/// The name before a title that begins there.
fn titled(text: &Glyphs, at: usize, least: usize) -> Option<(usize, usize)> {
    if !is_han(text.ch(at)) || !is_han(text.back(at, 1)) {
        return None;
    }
    if LEXICON.titles.at(text, at).is_none() && !(text.ch(at) == '总' && is_boss(text, at)) {
        return None;
    }
    let boss = text.ch(at) == '总' && LEXICON.titles.at(text, at).is_none();
    let longest = at.saturating_sub(if boss { 1 } else { 4 }).max(least);
    (longest..at).find(|from| is_name_before(text, *from, at)).map(|from| (from, at))
}

/// `王总`, and not `总共`.
fn is_boss(text: &Glyphs, at: usize) -> bool {
    const OTHER: &str = "司部共是之结結数數额額会會算部价價监監经經体體量裁公务務有要想觉覺在站台线線统統";
    !OTHER.contains(text.ch(at + 1))
}

/// Surnames that are words as well: `首任院长` is no Mr. Ren.
const AMBIGUOUS: &str = "任席时時向于安全方文平成金石常和司应應连連符包国農农车車万边邊段尚齐關关师項项单花";

fn is_name_before(text: &Glyphs, from: usize, title: usize) -> bool {
    let Some(family) = surname(text, from, false) else { return false };
    let alone = family == title && AMBIGUOUS.contains(text.ch(from));
    if alone && !is_boundary(text.back(from, 1)) && !is_stop(text.back(from, 1)) {
        return false;
    }
    let given = title.checked_sub(family);
    let Some(given) = given.filter(|given| *given <= 2) else { return false };
    let word = |at: usize| LEXICON.not_names.at(text, at).is_some_and(|(end, ())| end <= title || at < from);
    // One numeral may be in a name, as in `张三丰`, and not what is counted, as in `于二楼`.
    let counts = "楼樓层層号號班年院科室组組级級路街日月天位个個名".contains(text.back(title, 1));
    let numerals = text.chars(family, title).filter(|c| numeral(*c).is_some()).count();
    let lawful = text.chars(family, title).all(|c| is_han(c) && !is_stop(c))
        && (given < 2 || numerals == 0 || numerals == 1 && !counts);
    // The characters before may make a word with the first one: `语文老师`.
    let inside_a_word = |back: usize| {
        from.checked_sub(back)
            .is_some_and(|at| LEXICON.not_names.at(text, at).is_some_and(|(end, ())| end > from && end <= title))
    };
    lawful && !word(from) && !inside_a_word(1) && !inside_a_word(2)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sureness {
    /// Also in lower case, unless it is an ordinary word.
    Sure,
    /// Capitalised, and no ordinary word.
    Doubtful,
}

/// A word of a Latin name: where it ends.
fn word(text: &Glyphs, at: usize) -> Option<usize> {
    let mut to = text.skip_most(at, MAX_WORD, is_letter);
    while to > at && matches!(text.ch(to), '\'' | '-') && is_letter(text.ch(to + 1)) && to - at < MAX_WORD {
        let next = text.skip_most(to + 1, MAX_WORD, is_letter);
        // `John's` is John.
        if text.ch(to) == '\'' && next == to + 2 && matches!(text.ch(to + 1), 's' | 'S') {
            break;
        }
        to = next;
    }
    let initial = to == at + 1 && text.ch(to) == '.';
    let to = if initial { to + 1 } else { to };
    let goes_on = text.ch(to).is_ascii_digit() || text.ch(to) == '_' || text.ch(to) == '@';
    (to > at && !goes_on).then_some(to)
}

fn is_common(text: &Glyphs, at: usize, to: usize) -> bool {
    LEXICON.common_english.ends(text, at, to).is_some()
}

/// Whether the word is written as names are: `John`, `O'Brien`, `J.`
fn is_capital(text: &Glyphs, at: usize) -> bool {
    text.ch(at).is_uppercase()
}

fn is_shouted(text: &Glyphs, at: usize, to: usize) -> bool {
    to > at + 1
        && text.chars(at, to).filter(|c| is_letter(*c)).count() > 1
        && text.chars(at, to).all(|c| !c.is_lowercase())
}

/// A Latin name of up to four words.
fn english(text: &Glyphs, from: usize, sureness: Sureness) -> Option<usize> {
    let first = word(text, from)?;
    let proper = is_capital(text, from) && !is_shouted(text, from, first);
    let common = is_common(text, from, first);
    let proper = proper && (first > from + 1 || !common);
    let fits = match sureness {
        Sureness::Sure => proper || !common,
        Sureness::Doubtful => proper && !common,
    };
    if !fits || first == from + 1 && !is_capital(text, from) {
        return None;
    }
    let (mut end, mut behind_particle) = (first, false);
    for _ in 0..3 {
        let next = text.skip_most(end, 1, |c| c == ' ' || c == '·');
        let Some(to) = word(text, next).filter(|_| next > end) else { break };
        let particle = ["de", "van", "von", "der", "da", "bin", "al", "la", "le", "del", "di", "el", "ibn", "ter"];
        let small = particle.iter().any(|p| text.reads(next, p) && next + p.len() == to)
            && is_capital(text, text.skip_most(to, 1, |c| c == ' ')) == is_capital(text, from)
            && text.ch(to) == ' ';
        let same_case = if is_capital(text, from) { is_capital(text, next) } else { end == first || behind_particle };
        let month = is_capital(text, next) && is_boundary(text.ch(to)) && text.ch(to) != ' ' && is_month(text, next);
        if !small && (!same_case || is_common(text, next, to) && !month) {
            break;
        }
        behind_particle = small;
        end = to;
    }
    // A stop behind an initial ends the sentence, not the name.
    Some(if text.back(end, 1) == '.' && is_boundary(text.ch(end)) && text.ch(end) != ' ' { end - 1 } else { end })
}

/// A name in lower case, which only known first names and surnames make one: `jane doe`, `li ming`.
fn lower(text: &Glyphs, from: usize) -> Option<usize> {
    let first = word(text, from)?;
    let ends = |at: usize| is_boundary(text.ch(at)) && text.ch(at) != ' ';
    let given = LEXICON.given_names.ends(text, from, first).is_some();
    if !given && LEXICON.pinyin_surnames.ends(text, from, first).is_none() {
        return None;
    }
    let next = text.skip_most(first, 1, |c| c == ' ');
    let second = word(text, next).filter(|to| {
        let verb = text.reads(to.saturating_sub(3), "ing") && !ends(*to) && given;
        next > first && *to > next + 1 && !is_capital(text, next) && !is_common(text, next, *to) && !verb
    });
    let goes_on = ["from", "and", "here", "with"].iter().any(|word| text.reads(next, word));
    second.or((given && (ends(first) || goes_on)).then_some(first))
}

/// `Jo March` ends in a month.
fn is_month(text: &Glyphs, at: usize) -> bool {
    ["march", "april", "may", "june", "august"].iter().any(|month| text.reads(at, month))
}

/// Behind `I am`, `this is`, `Regards,`.
fn english_am(text: &Glyphs, at: usize, end: usize, link: &Link) -> Option<usize> {
    let from = link.to;
    if matches!(LEXICON.name_cues.at(text, from), Some((_, NameCue::EnglishTitle))) {
        return None;
    }
    let own =
        ["i am", "i'm", "im", "this is", "call me"].iter().any(|word| text.reads(at, word) && at + word.len() == end);
    let small = || if own { lower(text, from) } else { None };
    let to = english(text, from, Sureness::Doubtful).or_else(small)?;
    let between: String = text.chars(end, from).collect();
    let greeting = ["hi", "hello", "dear", "attn", "attention"].iter().any(|word| text.reads(at, word));
    let closing = ["thank", "best", "cheers", "regards", "kind", "warm", "sincerely", "yours"]
        .iter()
        .any(|word| text.reads(at, word));
    let ends = matches!(
        text.ch(to),
        END | TAG | ',' | '.' | '!' | '?' | '\n' | '\r' | ';' | ')' | '-' | '。' | '(' | '"' | '、'
    ) || is_han(text.ch(to));
    let fits = if closing {
        (between.contains(',') || between.contains('\n') || between.contains('-')) && ends
    } else if greeting {
        ends && !between.contains('\n')
    } else if text.reads(at, "this is") {
        let next = text.skip_most(to, 2, |c| c == ' ' || c == ',');
        let goes_on = ["speaking", "from", "here", "calling", "again", "with", "and", "i "]
            .iter()
            .any(|word| text.reads(next, word));
        (ends || goes_on) && between.trim().is_empty()
    } else {
        let next = text.skip_most(to, 1, |c| c == ' ');
        let noun = ["user", "member", "customer", "owner", "fan", "support"].iter().any(|word| text.reads(next, word));
        !between.contains('\n') && !noun
    };
    fits.then_some(to)
}

/// Behind `Mr.`
fn english_title(text: &Glyphs, at: usize, end: usize, link: &Link) -> Option<usize> {
    let from = link.to;
    let near = text.chars(end, from).all(|c| matches!(c, ' ' | '.')) && from > end;
    let plain = text.reads(at, "mr") || text.reads(at, "dr") && text.ch(at).is_uppercase();
    let shouted = is_shouted(text, at, end) && text.reads(at, "ms");
    let measure = text.run_before(at, 2, |c| c == ' ' || c.is_ascii_digit()) > 0
        && text.back(at, 1).is_ascii_digit() | text.back(at, 2).is_ascii_digit();
    if !near || shouted || measure {
        return None;
    }
    let sureness = if plain { Sureness::Sure } else { Sureness::Doubtful };
    english(text, from, sureness).filter(|to| plain || is_capital(text, from) && to - from > 1)
}

/// Whether a word before makes it the name of a thing: `product name:`.
fn is_qualified(text: &Glyphs, at: usize) -> bool {
    let space = text.run_before(at, 1, |c| matches!(c, ' ' | '_' | '-'));
    let end = at - space;
    let begin = end - text.run_before(end, MAX_WORD, |c| c.is_ascii_alphabetic());
    let own = ["my", "the", "full", "his", "her", "your", "and", "is"]
        .iter()
        .any(|word| text.reads(begin, word) && begin + word.len() == end);
    space > 0 && begin < end && !own
}
