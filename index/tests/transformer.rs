//! Do transformer models that people bring give the vectors and scores they are published to give?
//!
//! Invariant: every expected value comes from `scripts/reference_vectors.py`, which shares no code with the engine.
#![cfg(feature = "transformer")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests fail by panicking; what is skipped is printed"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use zhiyin_index::embed::{Embedder, Overrides, Pooling, Role, Threads, TransformerEmbedder, describe, open};
use zhiyin_index::rerank::{CrossEncoder, Reranker};

const ONE: Threads = Threads { permits: 1, queue: 8 };

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models").join(name)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

/// The largest difference of any value.
fn difference(found: &[Vec<f32>], expected: &Value) -> f64 {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected).flat_map(|(f, e)| {
        assert_eq!(f.len(), e.as_array().unwrap().len());
        f.iter().zip(e.as_array().unwrap())
    });
    pairs.map(|(f, e)| (f64::from(*f) - e.as_f64().unwrap()).abs()).fold(0.0, f64::max)
}

/// A copy of a model's folder that may be spoilt.
fn copy(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy_into(&model(name), dir.path());
    dir
}

fn copy_into(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_into(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn both_families_agree_with_the_reference() {
    for name in ["tiny-bert", "tiny-xlmr"] {
        let expected = read(&model(name).join("expected.json"));
        let texts = texts(&expected["texts"]);
        for threads in [ONE, Threads { permits: 3, queue: 64 }] {
            let embedder = TransformerEmbedder::load(&model(name), threads).unwrap();
            let found = embedder.embed(&texts, Role::Passage).unwrap();
            let off = difference(&found, &expected["vectors"]);
            assert!(off < 2e-6, "{name}: {off}");
            let alone: Vec<Vec<f32>> =
                texts.iter().map(|t| embedder.embed(&[t], Role::Query).unwrap().remove(0)).collect();
            assert_eq!(alone, found, "{name}: a text's vector does not depend on its neighbours");
        }
    }
}

#[test]
fn the_bundled_reference_model_agrees() {
    let Ok(folder) = std::env::var("ZHIYIN_TEST_MINILM") else {
        println!("skipped: ZHIYIN_TEST_MINILM does not name a folder with all-MiniLM-L6-v2");
        return;
    };
    let expected = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/minilm.json"));
    let embedder = TransformerEmbedder::load(Path::new(&folder), Threads::default()).unwrap();
    assert_eq!(
        (embedder.dimension(), embedder.recipe().pooling, embedder.recipe().max_tokens),
        (384, Pooling::Mean, 256)
    );
    let found = embedder.embed(&texts(&expected["texts"]), Role::Passage).unwrap();
    let off = difference(&found, &expected["vectors"]);
    println!("largest difference: {off:e}");
    assert!(off < 1e-5, "{off}");
    let kept = open(Path::new(&folder), Threads::default()).unwrap();
    assert_eq!(kept.languages().tags(), ["en"], "it has seen English only");
}

#[test]
fn prefixes_pooling_and_limits_are_taken_from_the_files() {
    let expected = read(&model("tiny-bert").join("expected.json"));
    let asked: Vec<&str> = texts(&expected["texts"])[..3].to_vec();
    let with = |file: &str, text: &str| {
        let dir = copy("tiny-bert");
        std::fs::write(dir.path().join(file), text).unwrap();
        (TransformerEmbedder::load(dir.path(), ONE).unwrap(), dir)
    };
    let plain = TransformerEmbedder::load(&model("tiny-bert"), ONE).unwrap();
    let (own, _dir) = with("zhiyin.json", r#"{"query_prefix": "query: "}"#);
    assert!(difference(&own.embed(&asked, Role::Query).unwrap(), &expected["query_vectors"]) < 2e-6);
    assert_eq!(own.embed(&asked, Role::Passage).unwrap(), plain.embed(&asked, Role::Passage).unwrap());
    assert_ne!(own.id(), plain.id(), "another recipe is another model");
    let prompts = r#"{"prompts": {"query": "query: ", "document": ""}, "default_prompt_name": null}"#;
    let (published, _dir) = with("config_sentence_transformers.json", prompts);
    assert_eq!(published.id(), own.id(), "the same recipe, said in another file");
    let (family, _dir) = with("zhiyin.json", r#"{"source": "intfloat/multilingual-e5-small"}"#);
    assert_eq!(
        (family.recipe().query_prefix.as_str(), family.recipe().passage_prefix.as_str()),
        ("query: ", "passage: ")
    );
    let (cls, _dir) = with("zhiyin.json", r#"{"pooling": "cls", "max_tokens": 10}"#);
    assert_eq!((cls.recipe().pooling, cls.recipe().max_tokens), (Pooling::Cls, 10));
    let long = "reset the password of the account and more";
    assert_ne!(cls.embed(&[long], Role::Query).unwrap(), plain.embed(&[long], Role::Query).unwrap());
    assert_eq!(plain.embed(&["", " \n"], Role::Query).unwrap(), vec![vec![0.0; 24]; 2]);
    let about = describe(&model("tiny-xlmr")).unwrap();
    assert_eq!((about.dimension, about.layers, about.classifies, about.recipe.max_tokens), (24, 2, false, 38));
    assert!(describe(&model("tiny-bert-reranker")).unwrap().classifies);
    assert_eq!(Overrides::read(&model("tiny-bert")).unwrap(), Overrides::default());
}

#[test]
fn what_is_wrong_with_a_folder_is_named() {
    let refused = |file: &str, change: &dyn Fn(String) -> Option<String>| -> String {
        let dir = copy("tiny-bert");
        let path = dir.path().join(file);
        match change(std::fs::read_to_string(&path).unwrap_or_default()) {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = TransformerEmbedder::load(dir.path(), ONE).err().unwrap();
        assert_eq!(error.file, path, "{error}");
        error.message
    };
    let set = |key: &'static str, value: Value| {
        move |text: String| {
            let mut config: Value = serde_json::from_str(&text).unwrap();
            config[key] = value.clone();
            Some(config.to_string())
        }
    };
    assert_eq!(refused("config.json", &|_| None), "is missing");
    assert_eq!(
        refused("tokenizer.json", &|_| None),
        "is missing; a model's slow tokenizer (vocab.txt, sentencepiece.bpe.model) is not read"
    );
    assert_eq!(refused("model.safetensors", &|_| None), "is missing");
    assert!(refused("model.safetensors", &|_| Some("short".into())).contains("shorter than the header"));
    assert!(refused("model.safetensors", &|_| Some("x".repeat(99))).contains("is no safetensors file"));
    assert!(refused("config.json", &|_| Some("{".into())).starts_with("is no JSON"));
    assert_eq!(
        refused("config.json", &set("model_type", "gpt2".into())),
        "key 'model_type' is 'gpt2'; known are bert, xlm-roberta, roberta and camembert"
    );
    assert_eq!(
        refused("config.json", &set("hidden_size", Value::Null)),
        "key 'hidden_size' is null, not a size from 1 to 4000000"
    );
    assert!(refused("config.json", &set("hidden_act", "mish".into())).contains("'hidden_act' is 'mish'"));
    assert!(refused("config.json", &set("position_embedding_type", "relative_key".into())).contains("'absolute'"));
    assert!(refused("config.json", &set("num_attention_heads", 5.into())).contains("no multiple"));
    assert_eq!(
        refused("1_Pooling/config.json", &set("pooling_mode_lasttoken", true.into())),
        "key 'pooling_mode_lasttoken' and 'pooling_mode_mean_tokens' is not known alone or together"
    );
    assert!(
        refused("1_Pooling/config.json", &set("word_embedding_dimension", 99.into()))
            .contains("'word_embedding_dimension' is 99")
    );
    let dense = r#"[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]"#;
    assert_eq!(
        refused("modules.json", &|_| Some(dense.into())),
        "module '2_Dense' of type 'sentence_transformers.models.Dense' is not known"
    );
    assert!(refused("zhiyin.json", &|_| Some(r#"{"prefix": 1}"#.into())).contains("unknown field `prefix`"));
    // More layers than the weights have, another width than they have.
    let weights = |key: &'static str, n: i64| {
        let dir = copy("tiny-bert");
        let path = dir.path().join("config.json");
        let text = set(key, n.into())(std::fs::read_to_string(&path).unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        TransformerEmbedder::load(dir.path(), ONE).err().unwrap().message
    };
    assert_eq!(weights("num_hidden_layers", 3), "tensor 'encoder.layer.2.attention.self.query.weight' is missing");
    assert!(
        weights("intermediate_size", 44)
            .contains("'encoder.layer.0.intermediate.dense.weight' has shape [40, 24]; config.json wants [44, 24]")
    );
}

#[test]
fn changed_weights_are_another_model() {
    let dir = copy("tiny-bert");
    let before = TransformerEmbedder::load(dir.path(), ONE).unwrap().id().to_owned();
    let path = dir.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let after = TransformerEmbedder::load(dir.path(), ONE).unwrap().id().to_owned();
    assert!(before.starts_with("transformer1-") && before != after, "{before} {after}");
}

#[test]
fn cross_encoders_agree_with_the_reference() {
    for name in ["tiny-bert-reranker", "tiny-xlmr-reranker"] {
        let expected = read(&model(name).join("expected.json"));
        for permits in [1, 3] {
            let reranker = CrossEncoder::load(&model(name), Threads { permits, queue: 64 }).unwrap();
            for (pair, score) in
                expected["pairs"].as_array().unwrap().iter().zip(expected["scores"].as_array().unwrap())
            {
                let found = reranker.score(pair[0].as_str().unwrap(), &[pair[1].as_str().unwrap(), "x"]).unwrap();
                assert!(
                    (f64::from(found[0]) - score.as_f64().unwrap()).abs() < 2e-6,
                    "{name} {pair}: {found:?} {score}"
                );
            }
        }
    }
    let error = CrossEncoder::load(&model("tiny-bert"), ONE).err().unwrap();
    assert_eq!(error.message, "tensor 'bert.pooler.dense.weight' is missing");
    let dir = copy("tiny-bert-reranker");
    let path = dir.path().join("config.json");
    let mut config = read(&path);
    config["id2label"] = serde_json::json!({ "0": "no", "1": "yes" });
    std::fs::write(&path, config.to_string()).unwrap();
    let error = CrossEncoder::load(dir.path(), ONE).err().unwrap();
    assert_eq!(error.message, "the model has 2 labels ('id2label'); a reranker has one");
}
