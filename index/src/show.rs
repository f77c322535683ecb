//! What is shown of a hit: its passage, its highlights, and why it stands where it stands.
//!
//! Invariant: a shown passage is a piece of the body; a known question is named beside it, never in its place.

use serde_json::json;

use crate::confidence::{Background, confidence, evidence};
use crate::dense::PreparedQuery;
use crate::document::{StoredPassage, document_of, ordinal_of, passage_id};
use crate::error::{Error, Result};
use crate::fuse::{Features, QueryFeatures, relevance, share};
use crate::lexical::{Prepared, PreparedAlternative, ScoredPart};
use crate::parts::Part;
use crate::query::{Hit, Passage};
use crate::rank::Ranked;
use crate::settings::RankSettings;
use crate::snippet::Highlighter;

/// Characters of the highlighted window.
pub(crate) const WINDOW: usize = 160;

/// The passage of the body that is shown. Where a known question matched, the lists may hold none of the body: then
/// the document's passages are compared with the query one by one.
pub(crate) fn shown_passage(
    ranked: &Ranked,
    part: &Part<'_>,
    prepared: Option<&Prepared>,
    vector: Option<&PreparedQuery>,
    query: &QueryFeatures,
    rank: &RankSettings,
) -> Result<u64> {
    let first = passage_id(document_of(ranked.best.passage), 0);
    if let Some(chunk) = ranked.chunk {
        return Ok(chunk);
    }
    if ranked.record.chunks < 2 {
        return Ok(first);
    }
    let mut addresses = part.shelf.lexical.addresses(document_of(first))?;
    addresses.retain(|(passage, _)| ordinal_of(*passage) < ranked.record.chunks);
    let scores = match prepared {
        Some(prepared) => prepared.score(ranked.best.part, &part.shelf.lexical, &addresses)?,
        None => vec![None; addresses.len()],
    };
    let relevances = addresses.iter().zip(scores).map(|((passage, _), bm25)| {
        let cosine = vector.and_then(|v| part.shelf.dense.cosine(v, *passage));
        let features = Features { bm25, cosine, ..Features::default() };
        (*passage, relevance(&features, query, rank.fusion))
    });
    let best = relevances.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    Ok(best.map_or(first, |(passage, _)| passage))
}

/// A hit without its score.
pub(crate) fn hit(ranked: &Ranked, part: &Part<'_>, shown: u64, highlighter: &Highlighter) -> Result<Hit> {
    let passage = ranked.best.passage;
    let record = ranked.record.clone();
    let question = ordinal_of(passage).checked_sub(record.chunks);
    let matched_question = question.and_then(|q| record.questions.get(q as usize)).cloned();
    let stored = stored(part, shown)?;
    let html = highlighter.snippet(&stored.text, WINDOW).html;
    Ok(Hit {
        record,
        score: 0.0,
        relevance: ranked.best.relevance,
        against: ranked.best.features.against.map_or(0.0, |against| against.weight),
        matched_question,
        passage: Passage { heading: stored.heading, text: stored.text, html, start: stored.start, end: stored.end },
        explain: None,
    })
}

pub(crate) fn stored(part: &Part<'_>, passage: u64) -> Result<StoredPassage> {
    let address = part.shelf.lexical.address(passage);
    let address = address.ok_or_else(|| Error::Lexical(format!("passage {passage} is not stored")))?;
    part.shelf.lexical.stored(address)
}

/// Everything that led to a hit's place and score.
pub(crate) fn explain(
    ranked: &Ranked,
    part: &Part<'_>,
    prepared: Option<&Prepared>,
    query: &QueryFeatures,
    rank: &RankSettings,
    background: &Background,
) -> Result<serde_json::Value> {
    let features = &ranked.best.features;
    let mut words = Vec::new();
    let mut rewrites: Vec<&PreparedAlternative> = Vec::new();
    if let (Some(prepared), Some(address)) = (prepared, part.shelf.lexical.address(ranked.best.passage)) {
        for ScoredPart { field, term, score, alternative } in
            prepared.parts(ranked.best.part, &part.shelf.lexical, address)?
        {
            let mut word = json!({ "field": field, "term": term, "score": score });
            if let (Some(alternative), Some(word)) = (alternative, word.as_object_mut()) {
                word.insert("instead_of".into(), json!(alternative.of));
                word.insert("source".into(), json!(alternative.source));
                // Only what this hit holds: other ways that were tried may stand where the caller must not look.
                if !rewrites.iter().any(|known| std::ptr::eq(*known, alternative)) {
                    rewrites.push(alternative);
                }
            }
            words.push(word);
        }
    }
    let (kind, sum) = evidence(features, query, rank);
    let mut why = json!({
        "passage": { "ordinal": ordinal_of(ranked.best.passage), "kind": if ordinal_of(ranked.best.passage) < ranked.record.chunks { "body" } else { "question" } },
        "words": { "bm25": features.bm25, "ideal": query.ideal, "share": share(features, query), "rank": features.words_rank, "parts": words },
        "vectors": { "cosine": features.cosine, "rank": features.vectors_rank, "graph": part.shelf.dense.uses_graph(part.accept.as_ref().map(|a| a.count())) },
        "closer": {
            "sentence": features.sentence, "aligned": features.aligned, "company": features.company, "window": features.window,
            "wording": features.wording, "sayable": features.sayable, "translated": features.translated, "lead": features.lead,
        },
        "query": {
            "terms": prepared.map(|p| &p.terms), "known": query.known, "spread": query.spread, "nearest": query.nearest, "rewrites": rewrites,
        },
        "fusion": rank.fusion,
        "relevance": ranked.best.relevance,
        "confidence": {
            "kind": kind, "evidence": sum, "weights": rank.confidence, "background": background,
            "value": confidence(features, query, rank, background),
        },
    });
    if let (Some(against), Some(why)) = (features.against, why.as_object_mut()) {
        // By its number: its words are the editors', not the caller's.
        why.insert("negative_question".into(), json!({ "against": against, "weights": rank.negative }));
    }
    Ok(why)
}
