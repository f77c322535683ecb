//! How does a model come from a hub? Its list of files, then the files that are needed, each by [`super::fetch`].
//!
//! Invariant: only files that a model is read from are fetched, to names made here; a hub cannot choose a path.
//!
//! Source: the layout of huggingface.co: `{hub}/api/models/{repo}/revision/{revision}`, `{hub}/{repo}/resolve/{revision}/{file}`.

use serde::Deserialize;

use super::fetch::{Fetch, agent};
use crate::kb::models::{Download, Progress};

/// Files that a model is read from; the first two must be there.
const FILES: [&str; 7] = [
    "config.json",
    "tokenizer.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "model.safetensors.index.json",
];
/// Most bytes of a list of files.
const MAX_LIST: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    sha: Option<String>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// Fetches a model into its folder; gives the commit.
pub(super) fn download(hub: &str, download: &Download, progress: Progress<'_>) -> Result<String, String> {
    let hub = hub.trim_end_matches('/');
    let agent = agent();
    let listing = list(&agent, hub, download)?;
    let commit = listing.sha.filter(|sha| is_commit(sha)).unwrap_or_else(|| download.revision.clone());
    let names: Vec<String> = listing.siblings.into_iter().map(|file| file.rfilename).collect();
    let files = needed(&names).map_err(|why| format!("{} on {hub}: {why}", download.repository))?;
    let base = format!("{hub}/{}/resolve/{commit}", download.repository);
    let fetches = files.iter().map(|file| Fetch::about(&agent, &format!("{base}/{file}"), &download.folder.join(file)));
    let fetches = fetches.collect::<Result<Vec<Fetch<'_>>, String>>()?;
    let total: u64 = fetches.iter().map(|fetch| fetch.size.unwrap_or_default()).sum();
    let mut done = 0;
    for fetch in &fetches {
        done += fetch.run(&|bytes| progress(done + bytes, total.max(done + bytes)))?;
    }
    Ok(commit)
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn list(agent: &ureq::Agent, hub: &str, download: &Download) -> Result<Listing, String> {
    let url = format!("{hub}/api/models/{}/revision/{}", download.repository, download.revision.replace('/', "%2F"));
    let mut response = agent.get(&url).call().map_err(|why| format!("{url}: {why}"))?;
    let status = response.status();
    if status.as_u16() == 404 || status.as_u16() == 401 {
        return Err(format!("{url}: there is no such repository or revision, or it is not public"));
    }
    if !status.is_success() {
        return Err(format!("{url} answered with status {}", status.as_u16()));
    }
    let read = response.body_mut().with_config().limit(MAX_LIST).read_to_string();
    let text = read.map_err(|why| format!("{url}: the answer broke off: {why}"))?;
    serde_json::from_str(&text).map_err(|why| format!("{url} did not answer with a list of files: {why}"))
}

/// What must be fetched of a repository's files.
fn needed(names: &[String]) -> Result<Vec<String>, String> {
    let has = |name: &str| names.iter().any(|n| n == name);
    if let Some(missing) = ["config.json", "tokenizer.json"].iter().find(|name| !has(name)) {
        return Err(format!("it has no {missing}"));
    }
    let mut files: Vec<String> = FILES.iter().filter(|name| has(name)).map(|name| (*name).to_owned()).collect();
    // The whole file is preferred to its parts, as when reading.
    if has("model.safetensors") {
        files.retain(|name| name != "model.safetensors.index.json");
        files.push("model.safetensors".into());
        return Ok(files);
    }
    let parts: Vec<&String> = names.iter().filter(|name| is_part(name)).collect();
    if parts.is_empty() || !has("model.safetensors.index.json") {
        return Err("it has no model.safetensors; other formats of weights are not read".into());
    }
    files.extend(parts.into_iter().cloned());
    Ok(files)
}

/// Whether a name is `model-00001-of-00002.safetensors`.
fn is_part(name: &str) -> bool {
    let middle = name.strip_prefix("model-").and_then(|rest| rest.strip_suffix(".safetensors"));
    middle.is_some_and(|middle| {
        let mut numbers = middle.split("-of-");
        let number = |part: Option<&str>| part.is_some_and(|p| p.len() == 5 && p.chars().all(|c| c.is_ascii_digit()));
        number(numbers.next()) && number(numbers.next()) && numbers.next().is_none()
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_what_a_model_is_read_from_is_fetched() {
        let all = [
            "config.json",
            "tokenizer.json",
            "model.safetensors",
            "pytorch_model.bin",
            "../../evil",
            "onnx/model.onnx",
            "README.md",
            "1_Pooling/config.json",
        ];
        assert_eq!(
            needed(&names(&all)).unwrap(),
            ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"]
        );
        let parts = [
            "config.json",
            "tokenizer.json",
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-../x.safetensors",
            "model-1-of-2.safetensors",
        ];
        assert_eq!(
            needed(&names(&parts)).unwrap(),
            ["config.json", "tokenizer.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"]
        );
        assert_eq!(needed(&names(&["config.json"])).unwrap_err(), "it has no tokenizer.json");
        assert!(
            needed(&names(&["config.json", "tokenizer.json", "pytorch_model.bin"]))
                .unwrap_err()
                .contains("no model.safetensors")
        );
    }
}
