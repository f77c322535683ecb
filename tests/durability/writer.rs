//! What has a client been promised, and what does the server hold?
//!
//! Invariant: an article belongs to one writer, so at a kill at most one write to it is undecided.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::server::Client;

/// A seeded source of numbers (SplitMix64, Steele and others 2014).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// An article: its versions' words (each a word of its own), the live one, how often it was published.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub words: Vec<String>,
    pub live: Option<usize>,
    pub published: usize,
}

impl State {
    fn saved(&self, word: &str) -> Self {
        let mut next = self.clone();
        next.words.push(word.to_owned());
        next
    }

    fn published(&self) -> Self {
        Self { live: Some(self.words.len()), published: self.published + 1, ..self.clone() }
    }
}

/// What is certain about an article, and what may have become of it.
#[derive(Default)]
struct Known {
    certain: State,
    perhaps: Option<State>,
    checked: bool,
}

/// A client that writes.
pub struct Writer {
    name: char,
    random: Random,
    words: u64,
    articles: BTreeMap<String, Known>,
    /// Articles whose change was acknowledged, over all rounds.
    pub acknowledged: usize,
    /// Undecided changes that turned out to be there, and not to be.
    pub kept: usize,
    pub lost: usize,
}

impl Writer {
    pub fn new(name: char, seed: u64) -> Self {
        let random = Random(seed ^ u64::from(u32::from(name)));
        Self { name, random, words: 0, articles: BTreeMap::new(), acknowledged: 0, kept: 0, lost: 0 }
    }

    /// Writes until the server is gone.
    pub fn write(&mut self, client: &Client) {
        while self.step(client) {}
    }

    fn step(&mut self, client: &Client) -> bool {
        match self.random.below(10) {
            0..=2 => self.create(client, true),
            3 => self.create(client, false),
            4 | 5 => self.save(client),
            6 | 7 => self.publish(client),
            8 => self.unpublish(client),
            _ => self.import(client),
        }
    }

    fn create(&mut self, client: &Client, publish: bool) -> bool {
        let (id, word) = (self.new_id(), self.new_word());
        let mut body = content(&word);
        body["id"] = json!(id);
        body["publish"] = json!(publish);
        let draft = State::default().saved(&word);
        let after = if publish { draft.published() } else { draft };
        self.attempt(client, vec![(id, after)], "POST", "/v1/articles", &body.to_string())
    }

    fn save(&mut self, client: &Client) -> bool {
        let Some((id, state)) = self.pick(|_| true) else { return self.create(client, true) };
        let word = self.new_word();
        let mut body = content(&word);
        body["expected_version"] = json!(state.words.len());
        let path = format!("/v1/articles/{id}");
        self.attempt(client, vec![(id, state.saved(&word))], "PUT", &path, &body.to_string())
    }

    fn publish(&mut self, client: &Client) -> bool {
        let Some((id, state)) = self.pick(|s| s.live != Some(s.words.len())) else { return self.save(client) };
        let path = format!("/v1/articles/{id}/publish");
        let body = json!({ "version": state.words.len() }).to_string();
        self.attempt(client, vec![(id, state.published())], "POST", &path, &body)
    }

    fn unpublish(&mut self, client: &Client) -> bool {
        let Some((id, state)) = self.pick(|s| s.live.is_some()) else { return self.create(client, true) };
        let path = format!("/v1/articles/{id}/unpublish");
        self.attempt(client, vec![(id, State { live: None, ..state })], "POST", &path, "{}")
    }

    fn import(&mut self, client: &Client) -> bool {
        let (mut rows, mut changes) = (String::new(), Vec::new());
        for _ in 0..2 + self.random.below(6) {
            let (id, word) = (self.new_id(), self.new_word());
            let mut row = content(&word);
            row["id"] = json!(id);
            rows.push_str(&format!("{row}\n"));
            changes.push((id, State::default().saved(&word).published()));
        }
        self.attempt(client, changes, "POST", "/v1/import?format=ndjson&publish=true", &rows)
    }

    /// Sends a write; false when no answer came, so that nobody knows what became of it.
    fn attempt(
        &mut self,
        client: &Client,
        changes: Vec<(String, State)>,
        method: &str,
        path: &str,
        body: &str,
    ) -> bool {
        for (id, after) in &changes {
            let known = self.articles.entry(id.clone()).or_default();
            known.perhaps = Some(after.clone());
            known.checked = false;
        }
        let Ok((status, answer)) = client.send(method, path, Some(body)) else { return false };
        let busy = status == 503 && answer["code"] == "busy";
        assert!((200..300).contains(&status) || busy, "{method} {path} {body}: {status} {answer}");
        assert!(answer["failed"].as_u64().unwrap_or(0) == 0, "{answer}");
        for (id, after) in changes {
            let known = self.articles.entry(id).or_default();
            known.perhaps = None;
            if !busy {
                known.certain = after;
                self.acknowledged += 1;
            }
        }
        true
    }

    fn pick(&mut self, fits: impl Fn(&State) -> bool) -> Option<(String, State)> {
        let fitting: Vec<_> =
            self.articles.iter().filter(|(_, k)| !k.certain.words.is_empty() && fits(&k.certain)).collect();
        let count = u64::try_from(fitting.len()).ok().filter(|n| *n > 0)?;
        let (id, known) = fitting[usize::try_from(self.random.below(count)).ok()?];
        Some((id.clone(), known.certain.clone()))
    }

    fn new_id(&mut self) -> String {
        self.words += 1;
        format!("{}-{}", self.name, self.words)
    }

    /// A word of letters that no other version has.
    fn new_word(&mut self) -> String {
        self.words += 1;
        let mut word = format!("zq{}", self.name);
        let mut rest = self.words;
        for _ in 0..4 {
            word.push(char::from(b'a' + u8::try_from(rest % 26).unwrap_or(0)));
            rest /= 26;
        }
        word + "x"
    }

    /// Compares what the server holds with what it promised: what was written since the last check, and some of the rest.
    pub fn check_store(&mut self, client: &Client, everything: bool) {
        let random = &mut self.random;
        for (id, known) in &mut self.articles {
            if known.checked && !everything && random.below(20) > 0 {
                continue;
            }
            let actual = read(client, id);
            if actual == known.certain {
                self.lost += usize::from(known.perhaps.is_some());
            } else {
                let promised = &known.certain;
                assert_eq!(Some(&actual), known.perhaps.as_ref(), "'{id}': the server had promised {promised:?}");
                self.kept += 1;
            }
            (known.certain, known.perhaps, known.checked) = (actual, None, true);
        }
        self.articles.retain(|_, known| !known.certain.words.is_empty());
    }

    /// Live versions are found by their word, and no other version is.
    pub fn check_search(&mut self, client: &Client, most: u64) {
        let count = u64::try_from(self.articles.len()).unwrap_or(0);
        for (id, known) in &self.articles {
            if count > most && self.random.below(count) >= most {
                continue;
            }
            let state = &known.certain;
            for (at, word) in state.words.iter().enumerate() {
                let expected: Vec<(String, u64)> = state
                    .live
                    .filter(|live| live - 1 == at)
                    .map(|live| (id.clone(), live as u64))
                    .into_iter()
                    .collect();
                let found = client.found(word);
                if found != expected {
                    let all: Vec<_> = state.words.iter().map(|word| client.found(word)).collect();
                    let report = client.must("POST", "/v1/spaces/default/verify", None);
                    let kept = read(client, id);
                    panic!(
                        "'{id}' {state:?}, perhaps {:?}: '{word}' finds {found:?}, its words {all:?}; the store holds {kept:?}; {report}",
                        known.perhaps
                    );
                }
            }
        }
    }

    /// Articles on record.
    pub fn articles(&self) -> usize {
        self.articles.len()
    }
}

/// An article's fields; the word is in the title and in the body.
pub fn content(word: &str) -> Value {
    json!({ "title": format!("Notes on {word}"), "body": format!("# {word}\n\nWhat there is to say about {word}, at some length.") })
}

/// What the server holds of an article.
fn read(client: &Client, id: &str) -> State {
    let (status, latest) = client.get(&format!("/v1/articles/{id}?version=latest")).expect("an answer");
    if status == 404 {
        return State::default();
    }
    assert_eq!(status, 200, "{latest}");
    let count = latest["latest_version"].as_u64().expect("a version");
    let mut state = State { live: latest["live_version"].as_u64().and_then(|v| v.try_into().ok()), ..State::default() };
    for number in 1..=count {
        let version = client.must("GET", &format!("/v1/articles/{id}/versions/{number}"), None);
        let title = version["title"].as_str().unwrap_or_default();
        let word = title.rsplit(' ').next().unwrap_or_default().to_owned();
        assert_eq!(version["body"], content(&word)["body"], "version {number} of '{id}' is whole");
        state.words.push(word);
    }
    let publications = client.must("GET", &format!("/v1/articles/{id}/publications"), None);
    let publications = publications["items"].as_array().cloned().unwrap_or_default();
    let open: Vec<u64> =
        publications.iter().filter(|p| p["until"].is_null()).filter_map(|p| p["version"].as_u64()).collect();
    assert_eq!(open, state.live.map(|v| v as u64).into_iter().collect::<Vec<_>>(), "'{id}': open publications");
    state.published = publications.len();
    state
}
