//! What the parts cost without the engine: plain tantivy and plain vector search over the same passages.
//!
//! Invariant: the floors see the same analysed terms and the same vectors as the engine does.

use std::path::Path;

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, Searcher, TantivyDocument, Term};
use zhiyin_index::analyzer::{Analyzer, QueryKind, TokenKind};
use zhiyin_index::chunk::{ChunkLimits, chunk};
use zhiyin_index::dense::{Code, Dense, DenseSettings};
use zhiyin_index::{Document, RankSettings};

const FIELDS: [&str; 4] = ["title", "headings", "body", "grams"];

/// A plain tantivy index with the engine's fields.
pub struct Words {
    searcher: Searcher,
    fields: [Field; 4],
}

fn terms(analyzer: &Analyzer, text: &str) -> (Vec<String>, Vec<String>) {
    let (words, grams): (Vec<_>, Vec<_>) = analyzer.analyze(text).into_iter().partition(|t| t.kind == TokenKind::Word);
    (words.into_iter().map(|t| t.term).collect(), grams.into_iter().map(|t| t.term).collect())
}

fn tokenized(terms: Vec<String>) -> PreTokenizedString {
    let token = |(position, text)| Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 };
    PreTokenizedString { text: String::new(), tokens: terms.into_iter().enumerate().map(token).collect() }
}

impl Words {
    /// Indexes the passages in `dir`, with a commit every `batch` documents as the engine is given them.
    pub fn new(dir: &Path, documents: &[Document], batch: usize) -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_index_option(IndexRecordOption::WithFreqs);
        let options = TextOptions::default().set_indexing_options(indexing);
        let fields = FIELDS.map(|name| schema.add_text_field(name, options.clone()));
        std::fs::create_dir_all(dir)?;
        let index = Index::create_in_dir(dir, schema.build())?;
        let mut writer = index.writer_with_num_threads(1, 48 << 20)?;
        let analyzer = Analyzer::new();
        for part in documents.chunks(batch) {
            for document in part {
                let title = terms(&analyzer, &document.title);
                for piece in chunk(&document.body, &ChunkLimits::default()) {
                    let heading = terms(&analyzer, &piece.heading.join(" / "));
                    let body = terms(&analyzer, &document.body[piece.bytes]);
                    let grams = [title.1.clone(), heading.1, body.1].concat();
                    let mut passage = TantivyDocument::new();
                    for (field, terms) in fields.iter().zip([title.0.clone(), heading.0, body.0, grams]) {
                        passage.add_pre_tokenized_text(*field, tokenized(terms));
                    }
                    writer.add_document(passage)?;
                }
            }
            writer.commit()?;
        }
        writer.wait_merging_threads()?;
        Ok(Self { searcher: index.reader()?.searcher(), fields })
    }

    pub fn segments(&self) -> usize {
        self.searcher.segment_readers().len()
    }

    /// One field, the query's words.
    pub fn body_only(&self, analyzer: &Analyzer, text: &str) -> BooleanQuery {
        let terms = analyzer.query_terms(text);
        let clause = |term: &str| -> (Occur, Box<dyn Query>) {
            (
                Occur::Should,
                Box::new(TermQuery::new(Term::from_field_text(self.fields[2], term), IndexRecordOption::WithFreqs)),
            )
        };
        BooleanQuery::new(terms.iter().filter(|t| t.kind == QueryKind::Word).map(|t| clause(&t.term)).collect())
    }

    /// The engine's fields with its weights.
    pub fn weighted(&self, analyzer: &Analyzer, text: &str, rank: &RankSettings) -> BooleanQuery {
        let weights = [rank.title, rank.headings, rank.body, rank.grams];
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for term in analyzer.query_terms(text) {
            for (at, (field, weight)) in self.fields.iter().zip(weights).enumerate() {
                let gram_field = at == 3;
                if gram_field != (term.kind == QueryKind::Gram) || term.kind == QueryKind::GramPrefix {
                    continue;
                }
                let strength = if term.stop { rank.stop_weight } else { 1.0 };
                let query = TermQuery::new(Term::from_field_text(*field, &term.term), IndexRecordOption::WithFreqs);
                clauses.push((Occur::Should, Box::new(BoostQuery::new(Box::new(query), weight * strength))));
            }
        }
        BooleanQuery::new(clauses)
    }

    pub fn top(&self, query: &BooleanQuery) -> usize {
        self.searcher.search(query, &TopDocs::with_limit(10).order_by_score()).map_or(0, |hits| hits.len())
    }
}

/// 1 − dot of two unit vectors, never below zero.
struct Cosine(pulp::Arch);

struct Dot<'a>(&'a [f32], &'a [f32]);

impl pulp::NullaryFnOnce for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn call(self) -> f32 {
        let mut sums = [0.0_f32; 32];
        for (a, b) in self.0.chunks_exact(32).zip(self.1.chunks_exact(32)) {
            for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
                *sum += x * y;
            }
        }
        sums.iter().sum()
    }
}

impl Distance<f32> for Cosine {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - self.0.dispatch(Dot(a, b))).max(0.0)
    }
}

/// Plain vector search: the whole corpus by hnsw_rs, and an exact scan of 8-bit codes.
pub struct Vectors {
    graph: Option<Hnsw<'static, f32, Cosine>>,
    scan: Dense,
    /// Candidates kept by a walk, found by [`Vectors::tune`].
    pub breadth: usize,
}

impl Vectors {
    pub fn new(vectors: &[Vec<f32>], with_graph: bool) -> Self {
        let dimension = vectors.first().map_or(1, Vec::len);
        let scan = Dense::new(dimension, DenseSettings { graph_from: usize::MAX, ..DenseSettings::default() });
        scan.insert(vectors.iter().enumerate().map(|(i, v)| ((i as u64) << 16, Code::quantize(v))));
        let graph = with_graph.then(|| {
            let graph = Hnsw::new(16, vectors.len(), 16, 128, Cosine(pulp::Arch::new()));
            let data: Vec<(&[f32], usize)> = vectors.iter().enumerate().map(|(i, v)| (v.as_slice(), i)).collect();
            graph.parallel_insert_slice(&data);
            graph
        });
        Self { graph, scan, breadth: 0 }
    }

    pub fn scan(&self, query: &[f32]) -> Vec<u64> {
        let snapshot = self.scan.snapshot();
        snapshot.search(&snapshot.prepare(query), 10, None).iter().map(|h| h.passage >> 16).collect()
    }

    pub fn walk(&self, query: &[f32], breadth: usize) -> Vec<u64> {
        let Some(graph) = &self.graph else { return Vec::new() };
        graph.search(query, 10, breadth).iter().map(|n| n.d_id as u64).collect()
    }

    /// The least breadth with recall@10 of at least 0.95, and that recall.
    pub fn tune(&mut self, queries: &[Vec<f32>]) -> f64 {
        let exact: Vec<Vec<u64>> = queries.iter().map(|q| self.scan(q)).collect();
        let mut recall = 0.0;
        for breadth in [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 2_048] {
            let (mut met, mut all) = (0, 0);
            for (query, exact) in queries.iter().zip(&exact) {
                let found = self.walk(query, breadth);
                met += found.iter().filter(|f| exact.contains(f)).count();
                all += exact.len();
            }
            recall = met as f64 / all.max(1) as f64;
            self.breadth = breadth;
            if recall >= 0.95 {
                break;
            }
        }
        recall
    }
}
