//! A model that reads words in their context is believed otherwise than one that only knows which words there are.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use zhiyin_index::embed::{EmbedError, Embedder, Role};
use zhiyin_index::{Change, Document, Index, IndexSettings, LiveChange, Query, RankSettings, Results};

/// Texts by their angle to the query, in degrees; all others stand across.
struct Compass {
    angles: BTreeMap<&'static str, f32>,
    contextual: bool,
}

impl Embedder for Compass {
    fn id(&self) -> &str {
        "compass"
    }

    fn dimension(&self) -> usize {
        3
    }

    fn reads_context(&self) -> bool {
        self.contextual
    }

    fn embed(&self, texts: &[&str], _: Role) -> Result<Vec<Vec<f32>>, EmbedError> {
        let of = |text: &&str| match self.angles.get(text) {
            Some(angle) => vec![angle.to_radians().cos(), angle.to_radians().sin(), 0.0],
            None => vec![0.0, 0.0, 1.0],
        };
        Ok(texts.iter().map(of).collect())
    }
}

const ASKED: &str = "parcel whereabouts";

/// One article with the nearest question and others that are far, one whose questions are all near.
fn ask(contextual: bool) -> Results {
    let own = [("lost keys", 40.0), ("spare keys", 85.0), ("door codes", 88.0), ("broken lock", 86.0)];
    let other =
        [("shipment status", 41.0), ("tracking number", 42.0), ("delivery progress", 43.0), ("order on its way", 44.0)];
    let angles: BTreeMap<&str, f32> = own.into_iter().chain(other).chain([(ASKED, 0.0)]).collect();
    let dir = tempfile::tempdir().unwrap();
    let model = Arc::new(Compass { angles, contextual });
    let index = Index::open(dir.path(), IndexSettings::default(), model).unwrap().0;
    let document = |id: &str, questions: &[(&str, f32)]| {
        let questions = questions.iter().map(|(text, _)| (*text).to_owned()).collect();
        let document = Document {
            id: id.into(),
            version: 1,
            title: String::new(),
            body: format!("Body of the article {id}."),
            questions,
            negative_questions: vec![],
            category: None,
            tags: vec![],
            audience: "public".into(),
            language: "en".into(),
            attributes: BTreeMap::new(),
            from: 0,
            until: None,
        };
        Change { id: id.into(), live: LiveChange::Set(Box::new(document)), add_history: vec![], remove_history: vec![] }
    };
    index.apply(vec![document("keys", &own), document("parcels", &other)]).unwrap();
    index.search(&Query { explain: true, ..Query::new(ASKED) }).unwrap()
}

#[test]
fn several_near_questions_beat_one_that_is_a_little_nearer() {
    let (usual, contextual) = (ask(false), ask(true));
    let order = |results: &Results| results.hits.iter().map(|hit| hit.record.id.clone()).collect::<Vec<_>>();
    assert_eq!(order(&usual), ["keys", "parcels"], "by the nearest alone");
    assert_eq!(order(&contextual), ["parcels", "keys"]);
    let rank = RankSettings::default();
    let own = rank.contextual.unwrap();
    let fusion = |results: &Results| results.hits[0].explain.as_ref().unwrap()["fusion"].clone();
    assert_eq!(fusion(&usual), serde_json::to_value(rank.fusion).unwrap());
    assert_eq!(fusion(&contextual), serde_json::to_value(own.fusion).unwrap(), "what is shown is what was used");
}

#[test]
fn weights_are_settled_once() {
    let model = |contextual| Compass { angles: BTreeMap::new(), contextual };
    let rank = RankSettings::default();
    let own = rank.contextual.unwrap();
    let settled = rank.of(&model(true));
    assert_eq!((settled.fusion, settled.confidence.question), (own.fusion, own.question));
    assert_eq!(settled.confidence.passage, rank.confidence.passage, "the signs of passages mean the same");
    assert_eq!(rank.of(&model(false)), RankSettings { contextual: None, ..rank });
    // What somebody sets on top of them stays.
    let changed = RankSettings { fusion: rank.fusion, ..settled };
    assert_eq!(changed.of(&model(true)), changed);
}
