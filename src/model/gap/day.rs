//! What is counted of a gap on one day: how often it was asked, by how many, and in which forms.
//!
//! Invariant: a session, customer or key counts once a day however often and in however many forms it asks; what came in
//! a burst is counted as asked, not as somebody more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::GapId;

/// Hashes of sources kept for a gap and day; beyond it, sources are sampled.
const MAX_SEEN: usize = 512;
/// Sources whose pace is kept for a gap and day.
const MAX_RECENT: usize = 128;
/// Questions of one session or customer in a minute, from which more are a burst.
pub const BURST: u32 = 10;
/// Questions through one API key in a minute, from which more are a burst: many customers may come through one.
pub const KEY_BURST: u32 = 100;

/// Who asked, as hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Whatever must count once a day: customer, key, session. The first one decides where sources are sampled.
    pub counted: Vec<u64>,
    /// The API key it came through, whose pace alone is watched.
    pub through: Option<u64>,
}

/// What is counted of a gap on one day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GapDay {
    /// How often it was asked.
    pub queries: u64,
    /// By how many, each counted once.
    pub sessions: u64,
    /// Whether one source asked faster than people do.
    pub burst: bool,
    /// How often the sample of sources was halved; 0 while `sessions` is exact.
    pub halved: u32,
    /// How often by form.
    forms: Vec<(u32, u64)>,
    /// Who asked which form: hash, form, and whether the hash is the one that was counted; sorted.
    seen: Vec<(u64, u32, bool)>,
    /// How many questions a source asked in its latest minute: hash, minute, count.
    recent: Vec<(u64, i64, u32)>,
}

impl GapDay {
    /// Counts a question of a form; says by how much the number of sources grew.
    ///
    /// Up to 512 entries the number is exact. Beyond, only sources whose hash begins with `halved` zero bits are
    /// looked at, and each stands for `2^halved` (P. B. Gibbons, Distinct sampling for highly-accurate answers, 2001).
    pub fn count(&mut self, form: &GapId, source: &Source, at: Timestamp) -> u64 {
        let form = tag(form);
        self.queries += 1;
        self.asked(form, 1);
        let minute = at.as_second().div_euclid(60);
        let mut burst = false;
        for hash in &source.counted {
            burst |= self.pace(*hash, minute) > BURST;
        }
        if let Some(key) = source.through {
            burst |= self.pace(key, minute) > KEY_BURST;
        }
        self.burst |= burst;
        let Some(first) = source.counted.first() else { return 0 };
        if burst || !self.is_sampled(*first) {
            return 0;
        }
        let known = source.counted.iter().any(|hash| self.knows(*hash));
        for hash in &source.counted {
            // Who asks in other words is the same source still; it is noted, should the forms be parted.
            let counted = if known { self.seen.iter().any(|(h, _, c)| h == hash && *c) } else { hash == first };
            let entry = (*hash, form, counted);
            if let Err(at) = self.seen.binary_search(&entry) {
                self.seen.insert(at, entry);
            }
        }
        if known {
            return 0;
        }
        let weight = 1 << self.halved;
        self.thin();
        self.sessions += weight;
        weight
    }

    /// Puts a stranger in the place of a source: who it was is forgotten, what it counted stays.
    pub fn forget(&mut self, hash: u64, stranger: u64) {
        // As likely to be in the sample as the source was.
        let stranger = (stranger | 1 << 63).checked_shr(hash.leading_zeros()).unwrap_or(0);
        self.recent.retain(|(known, ..)| *known != hash);
        self.seen.iter_mut().filter(|(known, ..)| *known == hash).for_each(|entry| entry.0 = stranger);
        self.seen.sort_unstable();
    }

    /// Takes another day of the same date in.
    pub fn merge(&mut self, other: Self) {
        self.queries += other.queries;
        self.burst |= other.burst;
        for (form, count) in other.forms {
            self.asked(form, count);
        }
        self.halved = self.halved.max(other.halved);
        self.seen.extend(other.seen);
        self.seen.sort_unstable();
        self.seen.dedup();
        self.recent.extend(other.recent);
        self.recent.sort_by_key(|(_, minute, count)| (std::cmp::Reverse(*count), std::cmp::Reverse(*minute)));
        self.recent.truncate(MAX_RECENT);
        self.recount();
    }

    /// Takes the counts of these forms out, as a day of their own.
    pub fn part(&mut self, forms: &[GapId]) -> Self {
        let tags: Vec<u32> = forms.iter().map(tag).collect();
        let (out, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.forms).into_iter().partition(|(form, _)| tags.contains(form));
        let (seen, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.seen).into_iter().partition(|(_, form, _)| tags.contains(form));
        let queries = out.iter().map(|(_, count)| count).sum();
        let mut parted = Self {
            queries,
            sessions: 0,
            burst: self.burst,
            halved: self.halved,
            forms: out,
            seen,
            recent: self.recent.clone(),
        };
        self.queries = self.queries.saturating_sub(queries);
        (self.forms, self.seen) = (rest, left);
        parted.recount();
        self.recount();
        parted
    }

    fn asked(&mut self, form: u32, count: u64) {
        match self.forms.iter_mut().find(|(known, _)| *known == form) {
            Some((_, known)) => *known += count,
            None => self.forms.push((form, count)),
        }
    }

    fn knows(&self, hash: u64) -> bool {
        let from = self.seen.partition_point(|(known, ..)| *known < hash);
        self.seen.get(from).is_some_and(|(known, ..)| *known == hash)
    }

    /// Halves the sample until it is small enough.
    fn thin(&mut self) {
        while self.seen.len() > MAX_SEEN {
            self.halved += 1;
            let halved = self.halved;
            self.seen.retain(|(hash, ..)| hash.leading_zeros() >= halved);
        }
    }

    /// Counts the sources anew, from who was seen.
    fn recount(&mut self) {
        let halved = self.halved;
        self.seen.retain(|(hash, ..)| hash.leading_zeros() >= halved);
        self.thin();
        let mut counted: Vec<u64> = self.seen.iter().filter(|(.., counted)| *counted).map(|(hash, ..)| *hash).collect();
        counted.dedup();
        self.sessions = (counted.len() as u64) << self.halved;
    }

    fn is_sampled(&self, hash: u64) -> bool {
        hash.leading_zeros() >= self.halved
    }

    /// Counts a question of a source in its minute.
    fn pace(&mut self, hash: u64, minute: i64) -> u32 {
        if let Some(known) = self.recent.iter_mut().find(|(known, ..)| *known == hash) {
            *known = (hash, minute, if known.1 == minute { known.2.saturating_add(1) } else { 1 });
            return known.2;
        }
        if self.recent.len() >= MAX_RECENT {
            let slowest = self.recent.iter().enumerate().min_by_key(|(_, (_, minute, count))| (*count, *minute));
            if let Some((at, _)) = slowest {
                self.recent.swap_remove(at);
            }
        }
        self.recent.push((hash, minute, 1));
        1
    }
}

/// A form within a day: its id is a hash, of which this is enough.
fn tag(form: &GapId) -> u32 {
    let hash = blake3::hash(form.as_str().as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> u64 {
        let bytes = *blake3::hash(&n.to_le_bytes()).as_bytes();
        bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    fn form(n: u64) -> GapId {
        GapId::of(&crate::id::SpaceId::default_space(), &n.to_string())
    }

    fn by(counted: &[u64]) -> Source {
        Source { counted: counted.iter().map(|n| hash(*n)).collect(), through: None }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_source_counts_once_by_whatever_it_is_known() {
        let mut day = GapDay::default();
        let counted = [&[1, 2][..], &[1, 3], &[4, 2], &[5], &[5]].map(|ids| day.count(&form(1), &by(ids), at(0)));
        assert_eq!((counted, day.queries, day.sessions), ([1, 0, 0, 1, 0], 5, 2));
    }

    #[test]
    fn a_burst_is_marked_and_not_counted() {
        let mut day = GapDay::default();
        for session in 0..150 {
            day.count(&form(1), &Source { through: Some(7), ..by(&[session]) }, at(30));
        }
        assert_eq!((day.queries, day.sessions, day.burst), (150, u64::from(KEY_BURST), true));
        let mut slow = GapDay::default();
        for n in 0..i64::from(BURST) * 3 {
            slow.count(&form(1), &by(&[1]), at(n * 7));
        }
        assert!(!slow.burst, "a question every seven seconds");
        for _ in 0..=BURST {
            slow.count(&form(1), &by(&[1]), at(9_000));
        }
        assert!(slow.burst);
    }

    #[test]
    fn many_sources_are_estimated_within_bounds() {
        let mut day = GapDay::default();
        for _ in 0..2 {
            for n in 0..20_000 {
                day.count(&form(1), &by(&[n]), at(n as i64));
            }
        }
        assert!(day.seen.len() <= MAX_SEEN && day.halved > 0);
        assert!((17_000..23_000).contains(&day.sessions), "{}", day.sessions);
    }

    #[test]
    fn who_asks_in_two_wordings_counts_once_and_on_both_sides_when_they_are_parted() {
        let mut day = GapDay::default();
        let counted = [(1, 1), (1, 2), (2, 2), (3, 1)].map(|(who, what)| day.count(&form(what), &by(&[who]), at(0)));
        assert_eq!((counted, day.sessions, day.queries), ([1, 0, 1, 1], 3, 4));
        let whole = day.clone();
        let parted = day.part(&[form(2)]);
        assert_eq!((parted.queries, parted.sessions, day.queries, day.sessions), (2, 2, 2, 2));
        day.merge(parted);
        assert_eq!((day.queries, day.sessions), (whole.queries, whole.sessions));
    }

    #[test]
    fn who_is_forgotten_counts_as_a_stranger_does() {
        let (form, mut day) = (form(1), GapDay::default());
        let asked: Vec<u64> = (0..900).map(|n| day.count(&form, &by(&[n]), at(n as i64 * 60))).collect();
        assert!(day.halved > 0 && asked.len() == 900);
        let mut whole = day.clone();
        let known = day.seen.first().map_or(0, |entry| entry.0);
        day.forget(known, 0x1234_5678_9abc_def0);
        assert!(whole.knows(known) && !day.knows(known));
        day.recount();
        whole.recount();
        assert_eq!((day.sessions, day.seen.len()), (whole.sessions, whole.seen.len()));
    }
}
