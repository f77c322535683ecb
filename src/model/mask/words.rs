//! Which known word stands at a place of a text?
//!
//! Invariant: looking costs a table look-up where no word begins. The lists are files under `data/`: groups in
//! brackets, words separated by commas, lower case; a space in a word matches one space, dash, underscore or nothing.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::glyph::Glyphs;

/// Places of the basic multilingual plane, in which all words begin.
const PLANE: usize = 0x1_0000;

/// Words, each with what it means.
pub struct Words<T> {
    /// One bit for each character in which a word begins; small, so that it stays near the processor.
    begins: Vec<u64>,
    /// For each first character the number of its list; 0 where no word begins.
    first: Vec<u16>,
    lists: Vec<Vec<(Vec<char>, T)>>,
}

impl<T: Copy> Words<T> {
    fn new() -> Self {
        Self { begins: vec![0; PLANE / 64], first: vec![0; PLANE], lists: vec![Vec::new()] }
    }

    fn with(mut self, words: &str, meaning: T) -> Self {
        for word in words.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty()) {
            let Some(slot) = word.chars().next().and_then(|c| self.first.get_mut(c as usize)) else { continue };
            if *slot == 0 {
                *slot = u16::try_from(self.lists.len()).unwrap_or_default();
                self.lists.push(Vec::new());
            }
            let first = word.chars().next().map_or(0, |c| c as usize);
            if let Some(bits) = self.begins.get_mut(first / 64) {
                *bits |= 1 << (first % 64);
            }
            if let Some(list) = self.lists.get_mut(usize::from(*slot)) {
                list.push((word.chars().collect(), meaning));
            }
        }
        self
    }

    /// The longest word there: where it ends and what it means. Latin words match whole.
    pub fn at(&self, text: &Glyphs, at: usize) -> Option<(usize, T)> {
        let first = text.ch(at).to_ascii_lowercase();
        if first.is_ascii_alphanumeric() && text.back(at, 1).is_ascii_alphanumeric() {
            return None;
        }
        let list = self.beginning(first)?;
        let ends = list.iter().filter_map(|(word, meaning)| Some((word_end(text, at, word)?, *meaning)));
        ends.max_by_key(|(end, _)| *end)
    }

    /// The words that begin with a character.
    fn beginning(&self, first: char) -> Option<&[(Vec<char>, T)]> {
        let place = first as usize;
        let bits = self.begins.get(place / 64)?;
        if bits >> (place % 64) & 1 == 0 {
            return None;
        }
        let slot = self.first.get(place)?;
        self.lists.get(usize::from(*slot)).map(Vec::as_slice)
    }

    /// The longest word that ends there, looking back over at most so many characters: where it begins.
    pub fn before(&self, text: &Glyphs, end: usize, most: usize) -> Option<(usize, T)> {
        let from = end.saturating_sub(most);
        (from..end).find_map(|at| self.ends(text, at, end).map(|meaning| (at, meaning)))
    }

    /// What the word means that reaches exactly from one place to the other.
    pub fn ends(&self, text: &Glyphs, at: usize, end: usize) -> Option<T> {
        let first = text.ch(at).to_ascii_lowercase();
        let list = self.beginning(first)?;
        list.iter().find(|(word, _)| word_end(text, at, word) == Some(end)).map(|(_, meaning)| *meaning)
    }
}

fn word_end(text: &Glyphs, at: usize, word: &[char]) -> Option<usize> {
    let mut end = at;
    for c in word {
        match (*c, text.ch(end).to_ascii_lowercase()) {
            (' ', ' ' | '-' | '_') => end += 1,
            (' ', _) => {}
            (want, is) if want == is => end += 1,
            _ => return None,
        }
    }
    let latin = word.last().is_some_and(char::is_ascii_alphabetic);
    (!latin || !text.ch(end).is_ascii_alphabetic()).then_some(end)
}

/// What a word announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    Phone,
    Identity,
    Passport,
    Bank,
    Account,
    Tax,
    Plate,
    /// A number of an order; said outright (`订单号`), or only talked about (`订单`).
    Order(Sure),
    /// A number of a parcel.
    Tracking(Sure),
    /// What follows is no personal datum, however it looks.
    Harmless,
}

/// Whether a cue asks for a value by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    Yes,
    No,
}

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretCue {
    Password,
    Code,
    Token,
}

/// What stands between a cue and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkWord {
    /// Announces the value: `是`, `is`.
    Strong,
    /// Says nothing: `号`, `number`.
    Neutral,
    /// May lead to something else: `for`, `和`.
    Far,
}

/// Which name may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameCue {
    /// `我叫`: hardly anything but a name.
    Called,
    /// `姓名`: a name, if a colon or a surname follows.
    Field,
    /// `我是`: often something else.
    Am,
    /// `my name is`.
    EnglishCalled,
    /// `I am`, `this is`.
    EnglishAm,
    /// `Mr.`
    EnglishTitle,
    /// `name:`
    EnglishField,
}

/// A level of a Chinese address, as its last character or word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Province, city, district, town.
    Region,
    /// A road; a house number follows.
    Road,
    /// A housing estate, a tower.
    Estate,
    /// What may be one, or a place that everybody goes to; a village.
    Public,
}

/// What an English word says in a street address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Street {
    /// `Street`, `Ave`: also in lower case.
    Plain,
    /// `Way`, `Court`: only where it is capitalised.
    Capital,
}

/// All the lists.
pub struct Lexicon {
    pub cues: Words<Cue>,
    pub secret_cues: Words<SecretCue>,
    pub links: Words<LinkWord>,
    pub units: Words<()>,
    pub order_after: Words<()>,
    pub versions: Words<()>,
    pub not_secret: Words<()>,
    pub not_code: Words<()>,
    pub secret_shapes: Vec<(String, usize)>,
    pub whose: Words<()>,
    pub top_domains: Words<()>,
    pub name_cues: Words<NameCue>,
    pub given_names: Words<()>,
    pub pinyin_surnames: Words<()>,
    pub titles: Words<()>,
    pub surnames: HashSet<char>,
    pub rare_surnames: HashSet<char>,
    pub compound: Words<()>,
    pub not_names: Words<()>,
    pub not_given: HashSet<char>,
    pub also_given: HashSet<char>,
    pub common_english: Words<()>,
    pub provinces: Words<()>,
    pub cities: Words<()>,
    pub place_ends: Words<Place>,
    pub not_places: Words<()>,
    pub house_units: Words<()>,
    pub not_houses: Words<()>,
    pub days: Words<()>,
    pub leads: Words<()>,
    pub address_cues: Words<()>,
    pub streets: Words<Street>,
    pub rooms: Words<()>,
    pub states: Words<()>,
    pub regions: Words<()>,
}

/// The lists of this program.
pub static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let cues = include_str!("data/cues.txt");
    let names = include_str!("data/names.txt");
    let places = include_str!("data/places.txt");
    let words = |text, name| Words::new().with(&group(text, name), ());
    let characters = |text, name| group(text, name).chars().filter(|c| !c.is_whitespace() && *c != ',').collect();
    Lexicon {
        cues: Words::new()
            .with(&group(cues, "phone"), Cue::Phone)
            .with(&group(cues, "identity"), Cue::Identity)
            .with(&group(cues, "passport"), Cue::Passport)
            .with(&group(cues, "bank"), Cue::Bank)
            .with(&group(cues, "account"), Cue::Account)
            .with(&group(cues, "tax"), Cue::Tax)
            .with(&group(cues, "plate"), Cue::Plate)
            .with(&group(cues, "order number"), Cue::Order(Sure::Yes))
            .with(&group(cues, "order"), Cue::Order(Sure::No))
            .with(&group(cues, "tracking number"), Cue::Tracking(Sure::Yes))
            .with(&group(cues, "tracking"), Cue::Tracking(Sure::No))
            .with(&group(cues, "harmless"), Cue::Harmless),
        secret_cues: Words::new()
            .with(&group(cues, "password"), SecretCue::Password)
            .with(&group(cues, "code"), SecretCue::Code)
            .with(&group(cues, "token"), SecretCue::Token),
        links: Words::new()
            .with(&group(cues, "strong link"), LinkWord::Strong)
            .with(&group(cues, "neutral link"), LinkWord::Neutral)
            .with(&group(cues, "far link"), LinkWord::Far),
        units: words(cues, "unit"),
        order_after: words(cues, "order after"),
        versions: words(cues, "version"),
        not_secret: words(cues, "not secret"),
        not_code: words(cues, "not a code"),
        secret_shapes: group(cues, "secret shape").split([',', '\n']).filter_map(shape).collect(),
        whose: words(cues, "whose"),
        top_domains: words(cues, "top domain"),
        given_names: words(names, "english given name"),
        pinyin_surnames: words(names, "pinyin surname"),
        name_cues: Words::new()
            .with(&group(names, "called"), NameCue::Called)
            .with(&group(names, "field"), NameCue::Field)
            .with(&group(names, "am"), NameCue::Am)
            .with(&group(names, "english called"), NameCue::EnglishCalled)
            .with(&group(names, "english am"), NameCue::EnglishAm)
            .with(&group(names, "english title"), NameCue::EnglishTitle)
            .with(&group(names, "english field"), NameCue::EnglishField),
        titles: words(names, "title"),
        surnames: characters(names, "surname"),
        rare_surnames: characters(names, "rare surname"),
        compound: words(names, "compound surname"),
        not_names: words(names, "not a name"),
        not_given: characters(names, "not given"),
        also_given: characters(names, "given at first"),
        common_english: words(names, "common english"),
        provinces: words(places, "province"),
        cities: words(places, "city"),
        place_ends: Words::new()
            .with(&group(places, "region"), Place::Region)
            .with(&group(places, "road"), Place::Road)
            .with(&group(places, "estate"), Place::Estate)
            .with(&group(places, "public"), Place::Public),
        not_places: words(places, "not a place"),
        house_units: words(places, "house unit"),
        not_houses: words(places, "not a house"),
        days: words(places, "a day"),
        leads: words(places, "lead"),
        address_cues: words(places, "address cue"),
        streets: Words::new()
            .with(&group(places, "street"), Street::Plain)
            .with(&group(places, "capital street"), Street::Capital),
        rooms: words(places, "room"),
        states: words(places, "state"),
        regions: words(places, "english region"),
    }
});

/// The words of a group: what stands below its name in brackets, up to the next one.
fn group(text: &str, name: &str) -> String {
    let lines = text.lines().skip_while(|line| line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) != Some(name));
    let lines = lines.skip(1).take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with("# "));
    lines.collect::<Vec<_>>().join("\n")
}

/// How a secret begins, and how many characters follow at least: `ghp_ 20`.
fn shape(text: &str) -> Option<(String, usize)> {
    let (prefix, least) = text.trim().rsplit_once(' ')?;
    Some((prefix.to_owned(), least.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_the_longest_first() {
        let words = Words::new().with("单号, 单, api key, tel", ());
        let end = |text: &str, at| words.at(&Glyphs::fold(text), at).map(|(end, ())| end);
        assert_eq!(end("单号1", 0), Some(2));
        assert_eq!(end("单1", 0), Some(1));
        assert_eq!(end("API_KEY=1", 0), Some(7));
        assert_eq!(end("apikey", 0), Some(6));
        assert_eq!(end("telephone", 0), None);
        assert_eq!(end("hotel", 2), None);
        assert_eq!(end("tel138", 0), Some(3));
        assert_eq!(words.before(&Glyphs::fold("快递单号"), 4, 5), Some((2, ())));
    }

    #[test]
    fn every_group_has_words() {
        let lexicon = &LEXICON;
        assert!(lexicon.surnames.len() > 100 && lexicon.rare_surnames.len() > 50 && lexicon.not_given.len() > 50);
        assert!(lexicon.secret_shapes.len() > 10);
        let lists = [lexicon.units.lists.len(), lexicon.cities.lists.len(), lexicon.common_english.lists.len()];
        assert!(lists.iter().all(|lists| *lists > 10), "{lists:?}");
    }
}
