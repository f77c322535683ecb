//! Is the bundled model the one that was trained? Vectors written by the training code, against the engine's.
#![expect(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use zhiyin_index::embed::{BilingualEmbedder, Embedder, Role};

#[test]
fn vectors_are_those_of_the_training_code() {
    let written: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("data/bilingual.json")).expect("the fixture is JSON");
    assert!(written.len() >= 12);
    let embedder = BilingualEmbedder::bundled().unwrap();
    for case in &written {
        let text = case["text"].as_str().unwrap();
        let made = embedder.embed(&[text], Role::Passage).unwrap().remove(0);
        assert_eq!(made.len(), case["vector"].as_array().unwrap().len());
        for (mine, theirs) in made.iter().zip(case["vector"].as_array().unwrap()) {
            let theirs = theirs.as_f64().unwrap() as f32;
            assert!((mine - theirs).abs() < 1e-5, "{text}: {mine} is not {theirs}");
        }
    }
}

#[test]
fn a_question_is_near_its_translation() {
    let pairs = [
        ("怎么申请退款", "how to request a refund"),
        ("密码忘了怎么办", "I forgot my password"),
        ("什么时候发货", "when will the order be shipped"),
        ("电池续航多久", "how long does the battery last"),
    ];
    let embedder = BilingualEmbedder::bundled().unwrap();
    let zh: Vec<&str> = pairs.iter().map(|p| p.0).collect();
    let en: Vec<&str> = pairs.iter().map(|p| p.1).collect();
    let (zh, en) = (embedder.embed(&zh, Role::Query).unwrap(), embedder.embed(&en, Role::Passage).unwrap());
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    for (place, question) in zh.iter().enumerate() {
        let best = (0..en.len()).max_by(|a, b| cosine(question, &en[*a]).total_cmp(&cosine(question, &en[*b])));
        assert_eq!(best, Some(place), "{:?}", pairs[place]);
    }
}

#[test]
fn unseen_words_have_vectors_and_empty_texts_have_none() {
    let embedder = BilingualEmbedder::bundled().unwrap();
    let made = embedder.embed(&["blorptangle", "……!?", ""], Role::Query).unwrap();
    assert!((made[0].iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5, "pieces give a unit vector");
    assert!(made[1].iter().chain(&made[2]).all(|v| *v == 0.0));
}

#[test]
fn words_are_put_to_the_nearest_words_of_a_text() {
    let embedder = BilingualEmbedder::bundled().unwrap();
    let texts = ["怎么申请退款", "how to request a refund", "今天天气很好", "blorptangle", "……!?"];
    let aligned = embedder.align(&["退款", "blorptangle", "天气"], &texts).unwrap();
    assert_eq!(aligned.len(), texts.len());
    let words = |text: usize| aligned[text].words.as_slice();
    assert!((words(0)[0] - 1.0).abs() < 1e-5, "a word that stands there: {:?}", words(0));
    assert!((words(3)[1] - 1.0).abs() < 1e-5, "an unknown word by its pieces: {:?}", words(3));
    assert!(words(1)[0] > 0.5 && words(1)[0] > 2.0 * words(2)[0].max(words(3)[0]), "a translation: {:?}", words(1));
    assert!((words(2)[2] - 1.0).abs() < 1e-5 && words(0)[2] < 0.7, "{:?}", words(0));
    assert_eq!((words(4), aligned[4].back), (&[0.0; 3][..], 0.0), "nothing is near to nothing");
    assert!(aligned.iter().all(|a| (0.0..=1.0).contains(&a.back) && a.words.iter().all(|w| (0.0..=1.0).contains(w))));
    // What is said twice is said once; what is said beside it is farther from what was asked.
    let back = |text: &str| embedder.align(&["退款"], &[text]).unwrap()[0].back;
    assert!((back("退款") - back("退款,退款")).abs() < 1e-6);
    assert!(back("退款") > back("退款和天气"));
    assert!(embedder.align(&[], &["退款"]).unwrap()[0].words.is_empty());
}
